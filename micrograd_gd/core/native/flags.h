/* The processor's floating-point flags: overflow, division by zero, and the like.

   Arithmetic raises them, and they stay until somebody clears them. NumPy reads them after a loop
   over objects, and would take ours for an error of its own; so what computes here puts them back
   as they were. Operators do not, nor do those of Python's floats: even to look at the flags costs
   as much as a sum does. */

#ifndef MICROGRAD_GD_FLAGS_H
#define MICROGRAD_GD_FLAGS_H

#if defined(__SSE2__) || defined(_M_X64)
#include <xmmintrin.h>
typedef unsigned Flags;

static inline Flags keep_flags(void) { return _mm_getcsr(); }

/* They are written only where they changed, which is rare: that a result was rounded, which happens
   all the time, is none of what NumPy reads. */
static inline void put_back_flags(Flags before)
{
    const Flags now = _mm_getcsr(), flags = 0x1d; /* beside them stand modes */
    if ((now ^ before) & flags) {
        _mm_setcsr((now & ~flags) | (before & flags));
    }
}
#else
#include <fenv.h>
typedef fexcept_t Flags;

static inline Flags keep_flags(void)
{
    Flags flags;
    fegetexceptflag(&flags, FE_ALL_EXCEPT);
    return flags;
}

static inline void put_back_flags(Flags before) { fesetexceptflag(&before, FE_ALL_EXCEPT); }
#endif

#endif
