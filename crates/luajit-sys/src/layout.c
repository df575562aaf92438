/* Holds src/inside.rs against the headers of the LuaJIT that is being built: where they disagree, nothing builds. */

#include <stddef.h>

#include "lj_bc.h"
#include "lj_frame.h"
#include "lj_gc.h"
#include "lj_obj.h"

#include "lj_ff.h"

#define SAME(a, b) _Static_assert((long)(a) == (long)(b), #a " is not " #b)
#define AT(type, field, offset) SAME(offsetof(type, field), offset)

SAME(LJ_GC64, 1);
SAME(LJ_FR2, 1);
SAME(sizeof(TValue), 8);
SAME(~LJ_TLIGHTUD, 3);
SAME(~LJ_TSTR, 4);
SAME(~LJ_TPROTO, 7);
SAME(~LJ_TFUNC, 8);
SAME(~LJ_TTAB, 11);
SAME(~LJ_TNUMX, 13);
SAME(LJ_TISNUM, LJ_TNUMX);

AT(lua_State, glref, 16);
AT(lua_State, base, 32);
AT(lua_State, top, 40);
AT(lua_State, maxstack, 48);
SAME(LUAI_MAXCSTACK, 8000);
AT(global_State, allocd, 8);
AT(global_State, gc.total, 16);
AT(global_State, gc.threshold, 24);
SAME(sizeof(GCstr), 24);
AT(GCstr, len, 20);
SAME(sizeof(GCtab), 64);
AT(GCtab, marked, 8);
AT(GCtab, array, 16);
AT(GCtab, node, 40);
AT(GCtab, asize, 48);
AT(GCtab, hmask, 52);
SAME(sizeof(Node), 24);
AT(Node, val, 0);
AT(Node, key, 8);
SAME(LJ_GC_BLACK, 4);
AT(GChead, gct, 9);

SAME(sizeof(GCproto), 104);
AT(GCproto, numparams, 10);
AT(GCproto, sizebc, 12);
AT(GCproto, k, 32);
AT(GCproto, sizekgc, 48);
AT(GCfuncL, pc, 32);
AT(GCfuncL, env, 16);
AT(GCfuncL, uvptr, 40);
AT(GCupval, tv, 16);
AT(GCfuncC, ffid, 10);
AT(GCfuncC, upvalue, 48);
SAME(FF_string_gmatch_aux, 86);
SAME(BC_ISLT, 0);
SAME(BC_ISNEV, 5);
SAME(BC_ISEQS, 6);
SAME(BC_ISNEP, 11);
SAME(BC_ISTC, 12);
SAME(BC_ISF, 15);
SAME(BC_ISTYPE, 16);
SAME(BC_ISNUM, 17);
SAME(BC_MOV, 18);
SAME(BC_UNM, 20);
SAME(BC_LEN, 21);
SAME(BC_ADDVN, 22);
SAME(BC_MODNV, 31);
SAME(BC_ADDVV, 32);
SAME(BC_POW, 37);
SAME(BC_CAT, 38);
SAME(BC_KSTR, 39);
SAME(BC_KCDATA, 40);
SAME(BC_KNIL, 44);
SAME(BC_UGET, 45);
SAME(BC_USETV, 46);
SAME(BC_USETS, 47);
SAME(BC_UCLO, 50);
SAME(BC_FNEW, 51);
SAME(BC_TNEW, 52);
SAME(BC_TDUP, 53);
SAME(BC_GGET, 54);
SAME(BC_GSET, 55);
SAME(BC_TGETV, 56);
SAME(BC_TGETS, 57);
SAME(BC_TGETB, 58);
SAME(BC_TGETR, 59);
SAME(BC_TSETV, 60);
SAME(BC_TSETM, 63);
SAME(BC_TSETR, 64);
SAME(BC_CALLM, 65);
SAME(BC_CALL, 66);
SAME(BC_VARG, 71);
SAME(BC_ISNEXT, 72);
SAME(BC_RET, 74);
SAME(BC_RET0, 75);
SAME(BC_RET1, 76);
SAME(BC_FORI, 77);
SAME(BC_JITERL, 84);
SAME(BC_LOOP, 85);
SAME(BC_JMP, 88);
SAME(BC_BNOT, 89);
SAME(BCBIAS_J, 0x8000);
SAME(BC_FUNCF, 96);
SAME(FRAME_TYPE, 3);
SAME(FRAME_LUA, 0);
SAME(FRAME_TYPEP, 7);
SAME(FRAME_CONT, 2);
