/* The functions of `ieee.py` in C, operation by operation, so that both give the same bits.

   Where `ieee.py` guards against Python's exceptions, the C library already gives the inf or nan of
   IEEE 754, and the function is the library's own. What the library lacks is written out as there;
   comments on the mathematics are there too. A test holds the two files equal. */

#ifndef MICROGRAD_GD_IEEE_H
#define MICROGRAD_GD_IEEE_H

#include <float.h>
#include <math.h>
#include <stdint.h>

#include "elementary.h" /* exp, log and the like, generated from table/elementary.py */

#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0
#error "this machine computes with more digits than a double has: the Python engine serves instead"
#endif

#define PI 3.141592653589793
#define HIGHEST_ORDER 100
#define NEAR 1048576.0 /* as in table/trigonometry.py */

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* Straight from the C library. */

#define FROM_LIBRARY(ours, library) \
    static inline double ieee_##ours(double x) { return library(x); }

#ifdef __GNUC__
FROM_LIBRARY(abs, __builtin_fabs) /* one bit, in place */
#else
FROM_LIBRARY(abs, fabs)
#endif
FROM_LIBRARY(acos, acos)
FROM_LIBRARY(acosh, acosh)
FROM_LIBRARY(asin, asin)
FROM_LIBRARY(asinh, asinh)
FROM_LIBRARY(atan, atan)
FROM_LIBRARY(atanh, atanh)
FROM_LIBRARY(cbrt, cbrt)
FROM_LIBRARY(ceil, ceil)
FROM_LIBRARY(floor, floor)
FROM_LIBRARY(sqrt, sqrt)

/* Ours, but for large angles. */

static inline double ieee_sin(double x) { return fabs(x) < NEAR ? ieee_near_sin(x) : sin(x); }
static inline double ieee_cos(double x) { return fabs(x) < NEAR ? ieee_near_cos(x) : cos(x); }
static inline double ieee_tan(double x) { return fabs(x) < NEAR ? ieee_near_tan(x) : tan(x); }

static inline double ieee_atan2(double a, double b) { return atan2(a, b); }
static inline double ieee_div(double a, double b) { return a / b; }
static inline double ieee_fmod(double a, double b) { return fmod(a, b); }
static inline double ieee_hypot(double a, double b) { return hypot(a, b); }
static inline double ieee_pow(double a, double b)
{
    return b == 2 ? a * a : b == 1 ? a : ieee_power(a, b);
}

/* Python's own `//` and `%` (its Objects/floatobject.c). */

static inline double ieee_floordiv(double a, double b)
{
    if (b == 0) {
        return a / b;
    }
    double mod = fmod(a, b);
    double quotient = (a - mod) / b;
    if (mod != 0 && (b < 0) != (mod < 0)) {
        quotient -= 1.0;
    }
    if (quotient == 0) {
        return copysign(0.0, a / b);
    }
    double whole = floor(quotient);
    return quotient - whole > 0.5 ? whole + 1.0 : whole;
}

static inline double ieee_mod(double a, double b)
{
    if (b == 0) {
        return NAN;
    }
    double mod = fmod(a, b);
    if (mod == 0) {
        return copysign(0.0, b);
    }
    return (b < 0) != (mod < 0) ? mod + b : mod;
}

static inline double ieee_round(double x)
{
    const double all_whole = 4503599627370496.0; /* 2**52 */
    return fabs(x) < all_whole ? (fabs(x) + all_whole - all_whole) * copysign(1, x) : x;
}

static inline double ieee_sign(double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : x; }

/* sin(πx)/(πx) and its derivatives. */

static inline int is_order(double n) { return 0 <= n && n <= HIGHEST_ORDER && floor(n) == n; }

static inline double sine_of_pi(double x, int quarter_turns)
{
    double nearest = ieee_round(x);
    int turns = quarter_turns + 2 * (int)fmod(nearest, 2);
    double angle = PI * (x - nearest);
    double y = turns % 2 ? cos(angle) : sin(angle);
    return ((turns % 4) + 4) % 4 >= 2 ? -y : y;
}

static inline double ieee_sinc_derivative(double n, double x)
{
    if (x != x || !is_order(n)) {
        return NAN;
    }
    if (isinf(x)) {
        return 0.0;
    }
    int order = (int)n;
    if (fabs(x) >= 0.5 + order / 8.0) {
        double y = 0.0;
        for (int k = 0; k <= order; k++) {
            y = (pow(PI, k - 1) * sine_of_pi(x, k) - k * y) / x;
        }
        return y;
    }
    int j = (order + 1) / 2;
    int power = 2 * j - order;
    double term = pow(-1.0, j) * pow(PI, 2 * j) * pow(x, power);
    double y = 0.0;
    while (fabs(term) > fabs(y) * 1e-17) {
        y += term / (2 * j + 1);
        term *= -pow(PI * x, 2) / ((power + 1) * (power + 2));
        j += 1;
        power += 2;
    }
    return y;
}

static inline double ieee_sinc(double x) { return ieee_sinc_derivative(0.0, x); }

static inline double ieee_erfcx_derivative(double n, double x)
{
    if (x != x || !is_order(n)) {
        return NAN;
    }
    double y = 0.0;
    if (x < 0) {
        double before = 0.0;
        y = ieee_erfcx(x);
        for (int k = 0; k < (int)n; k++) {
            double next = 2 * x * y + (k ? 2 * k * before : -1.1283791670955126);
            before = y;
            y = next;
        }
        return y;
    }
    double c = 1 / (1 + x);
    double steps = 8 + 0.25 * n;
    for (int j = -(int)(42 * steps / (n + 1)); j < (int)(5 * steps); j++) {
        double u = j / steps;
        double s = ieee_exp(u);
        y += ieee_exp((n + 1) * u - s * (c * s * c + 2 * (1 - c)));
    }
    y *= 0.5641895835477563 / steps * ieee_pow(2 * c, n + 1);
    return fmod(n, 2) == 1 ? -y : y;
}

/* The gamma function's family. */

static const double BERNOULLI[] = {
    1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730, 7.0 / 6, -3617.0 / 510,
    43867.0 / 798, -174611.0 / 330,
};

static const double ZETA_LESS_ONE[] = {
    0.6449340668482264, 0.2020569031595943, 0.08232323371113819, 0.03692775514336993,
    0.01734306198444914, 0.008349277381922827, 0.00407735619794434, 0.0020083928260822143,
    0.0009945751278180853, 0.0004941886041194645, 0.0002460865533080483, 0.00012271334757848915,
    6.124813505870483e-05, 3.058823630702049e-05, 1.528225940865187e-05, 7.637197637899763e-06,
    3.81729326499984e-06, 1.908212716553939e-06, 9.539620338727962e-07, 4.769329867878064e-07,
    2.38450502727733e-07, 1.1921992596531106e-07, 5.960818905125948e-08, 2.980350351465228e-08,
    1.4901554828365043e-08, 7.45071178983543e-09, 3.725334024788457e-09, 1.862659723513049e-09,
    9.313274324196682e-10, 4.656629065033784e-10, 2.3283118336765053e-10, 1.164155017270052e-10,
};

#define EULER 0.5772156649015329

static inline double lgamma_near_two(double z)
{
    double y = 0.0;
    for (int i = COUNT(ZETA_LESS_ONE) - 1; i >= 0; i--) {
        y = y * -z + ZETA_LESS_ONE[i] / (i + 2);
    }
    return z * ((1 - EULER) + z * y);
}

static inline double stirling(double x)
{
    double series = 0.0;
    for (int k = COUNT(BERNOULLI); k > 0; k--) {
        series = series / (x * x) + BERNOULLI[k - 1] / (2 * k * (2 * k - 1));
    }
    return series;
}

static inline double gamma_in_parts(double x, double *other)
{
    if (x < 1.4) {
        *other = 1 / x;
        return x < 0.5 ? ieee_exp(lgamma_near_two(x)) / (1 + x) : ieee_exp(lgamma_near_two(x - 1));
    }
    if (x < 23) {
        *other = 1.0;
        while (x > 2.6) {
            x -= 1;
            *other *= x;
        }
        return ieee_exp(lgamma_near_two(x - 2));
    }
    *other = INFINITY;
    if (x > 200) {
        return x;
    }
    double root = ieee_pow(x, x / 2 - 0.25) * ieee_exp(-x / 2);
    *other = root * (2.5066282746310002 * ieee_exp(stirling(x) / x));
    return root;
}

static inline double ieee_gamma(double x)
{
    double b, a = gamma_in_parts(x < -0.5 ? -x : x, &b);
    if (x < -0.5) {
        return floor(x) == x ? NAN : PI / (-x * sine_of_pi(x, 0)) / a / b;
    }
    return a * b;
}

static inline double ieee_lgamma(double x)
{
    if (isinf(x)) {
        return INFINITY;
    }
    if (fabs(x) < 1e-20) {
        return -ieee_log(fabs(x));
    }
    if (x < 0) {
        return ieee_log(PI / fabs(x * sine_of_pi(x, 0))) - ieee_lgamma(-x);
    }
    if (x < 0.5) {
        return ieee_lgamma(x + 1) - ieee_log(x);
    }
    if (x < 1.4) {
        return lgamma_near_two(x - 1) - ieee_log1p(x - 1);
    }
    if (x < 9) {
        double product = 1.0;
        while (x > 2.6) {
            x -= 1;
            product *= x;
        }
        return ieee_log(product) + lgamma_near_two(x - 2);
    }
    double series = x < 1e9 ? stirling(x) : 0.0;
    return (x - 0.5) * (ieee_log(x) - 1) + (0.4189385332046727 + series / x);
}

static inline double ieee_digamma(double x)
{
    if (x <= 0) {
        if (x == 0) {
            return -1.0 / x;
        }
        if (floor(x) == x) {
            return NAN;
        }
        return ieee_digamma(1 - x) - PI * (sine_of_pi(x, 1) / sine_of_pi(x, 0));
    }
    double below = 0.0;
    while (x < 10) {
        below -= 1 / x;
        x += 1;
    }
    double series = 0.0;
    double inverse = 1 / x;
    double square = inverse * inverse;
    for (int k = COUNT(BERNOULLI); k > 0; k--) {
        series = (series + BERNOULLI[k - 1] / (2 * k)) * square;
    }
    return (ieee_log(x) - 0.5 * inverse - series) + below;
}

/* The product of the whole numbers from `first` to `last`, rounded once, as Python's long integers
   are when they become a float. It is kept exactly, in digits to base 2**32, lowest first. */
static inline double product_of_range(int first, int last)
{
    uint32_t digit[64] = {1};
    int n = 1;
    for (int factor = first; factor <= last; factor++) {
        uint64_t carry = 0;
        for (int i = 0; i < n; i++) {
            carry += (uint64_t)digit[i] * (uint64_t)factor;
            digit[i] = (uint32_t)carry;
            carry >>= 32;
        }
        if (carry) {
            digit[n++] = (uint32_t)carry;
        }
    }
    /* The top 64 bits, the last of them set if any bit below is: enough to round correctly. */
    uint64_t top = 0;
    int exponent = 0;
    for (int i = n - 1; i >= 0; i--) {
        for (int bit = 31; bit >= 0; bit--) {
            uint64_t one = (digit[i] >> bit) & 1;
            if (top >> 63) {
                top |= one;
                exponent += 1;
            } else {
                top = top << 1 | one;
            }
        }
    }
    return ldexp((double)top, exponent);
}

static inline double cotangent_derivative(int n, double x)
{
    double coefficient[HIGHEST_ORDER + 2] = {0.0, 1.0};
    double slope[HIGHEST_ORDER + 2];
    int count = 2;
    for (int step = 0; step < n; step++) {
        for (int k = 1; k < count; k++) {
            slope[k - 1] = k * coefficient[k];
        }
        for (int k = 0; k < count + 1; k++) {
            coefficient[k] = k < count - 1 ? slope[k] : 0.0;
        }
        for (int k = 0; k < count - 1; k++) {
            coefficient[k + 2] += slope[k];
        }
        count += 1;
        for (int k = 0; k < count; k++) {
            coefficient[k] = -PI * coefficient[k];
        }
    }
    double c = sine_of_pi(x, 1) / sine_of_pi(x, 0);
    double y = 0.0;
    for (int k = count - 1; k >= 0; k--) {
        y = y * c + coefficient[k];
    }
    return y;
}

static inline double ieee_polygamma(double n, double x)
{
    if (x != x || !is_order(n)) {
        return NAN;
    }
    int order = (int)n;
    if (order == 0) {
        return ieee_digamma(x);
    }
    int odd = order % 2 == 1;
    double factorial = product_of_range(2, order);
    if (fabs(x) < 1e-20) {
        return factorial * ieee_pow(x, -(n + 1)) * (odd ? 1.0 : -1.0);
    }
    if (x < 0) {
        if (floor(x) == x) {
            return odd ? INFINITY : NAN;
        }
        double reflected = ieee_polygamma(n, 1 - x);
        double derivative = cotangent_derivative(order, x);
        return (odd ? -reflected : reflected) - PI * derivative;
    }
    if (isinf(x)) {
        return 0.0;
    }
    double above = 0.0;
    while (x < 10 + order) {
        above += factorial * ieee_pow(x, -(n + 1));
        x += 1;
    }
    double inverse = 1 / x;
    double series = 0.0;
    for (int k = COUNT(BERNOULLI); k > 0; k--) {
        double growth = product_of_range(2 * k + 1, 2 * k + order - 1);
        series = (series + BERNOULLI[k - 1] * growth) * inverse * inverse;
    }
    double y = (series + factorial * (1 / n + 0.5 * inverse)) * ieee_pow(inverse, n) + above;
    return odd ? y : -y;
}

#endif
