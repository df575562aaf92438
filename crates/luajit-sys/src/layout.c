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
SAME(~LJ_TSTR, 4);
SAME(~LJ_TPROTO, 7);
SAME(~LJ_TTAB, 11);
SAME(~LJ_TNUMX, 13);
SAME(LJ_TISNUM, LJ_TNUMX);

AT(lua_State, glref, 16);
AT(lua_State, base, 32);
AT(lua_State, top, 40);
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
AT(GCproto, sizebc, 12);
AT(GCproto, k, 32);
AT(GCproto, sizekgc, 48);
AT(GCfuncL, pc, 32);
AT(GCfuncC, ffid, 10);
AT(GCfuncC, upvalue, 48);
SAME(FF_string_gmatch_aux, 86);
SAME(BC_LEN, 21);
SAME(BC_GGET, 54);
SAME(BC_GSET, 55);
SAME(BC_TGETV, 56);
SAME(BC_TGETS, 57);
SAME(BC_TGETB, 58);
SAME(BC_CALL, 66);
SAME(FRAME_TYPE, 3);
SAME(FRAME_LUA, 0);
