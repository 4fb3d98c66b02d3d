// The functions of `ieee.py` in JavaScript, in the same order. Parts are set off by empty lines, so
// that a program takes those alone that it calls; a test holds them to the functions in Python.
//
// A language standard says how + - * / and the square root round, and of the rest only that it is
// an approximation: every browser has its own. What JavaScript lacks is written out as in Python;
// comments on the mathematics are there.

const ieee_abs = Math.abs;

const ieee_acos = Math.acos;

const ieee_acosh = Math.acosh;

const ieee_asin = Math.asin;

const ieee_asinh = Math.asinh;

const ieee_atan = Math.atan;

const ieee_atan2 = Math.atan2;

const ieee_atanh = Math.atanh;

const ieee_cbrt = Math.cbrt;

const ieee_ceil = Math.ceil;

const ieee_cos = Math.cos;

const ieee_cosh = Math.cosh;

const ieee_exp = Math.exp;

const ieee_expm1 = Math.expm1;

const ieee_floor = Math.floor;

const ieee_log = Math.log;

const ieee_log10 = Math.log10;

const ieee_log1p = Math.log1p;

const ieee_log2 = Math.log2;

const ieee_sign = Math.sign;

const ieee_sin = Math.sin;

const ieee_sinh = Math.sinh;

function ieee_sech(x) {
    const t = Math.exp(-Math.abs(x));
    return 2 * t / (1 + t * t);
}

function ieee_sigmoid(x) {
    const t = Math.exp(-Math.abs(x));
    return x >= 0 ? 1 / (1 + t) : t / (1 + t);
}

const ieee_sqrt = Math.sqrt;

const ieee_tan = Math.tan;

const ieee_tanh = Math.tanh;

function ieee_exp2(x) {
    return Math.pow(2, x);
}

function ieee_div(a, b) {
    return a / b;
}

function ieee_floordiv(a, b) {
    if (b === 0) {
        return a / b;
    }
    const mod = a % b;
    let quotient = (a - mod) / b;
    if (mod !== 0 && b < 0 !== mod < 0) {
        quotient -= 1;
    }
    if (quotient === 0) {
        return withSign(0, a / b);
    }
    const whole = Math.floor(quotient);
    return quotient - whole > 0.5 ? whole + 1 : whole;
}

function ieee_mod(a, b) {
    const mod = a % b;
    if (mod === 0) {
        return withSign(0, b);
    }
    return b < 0 !== mod < 0 ? mod + b : mod;
}

function ieee_fmod(a, b) {
    return a % b;
}

// The sign of `sign` on a number that has none; -0 is told from 0 by the pole that it makes.
function withSign(x, sign) {
    return sign < 0 || 1 / sign < 0 ? -x : x;
}

// JavaScript has no number for the powers of 1 and -1 where C says 1.
function ieee_pow(a, b) {
    if (b === 2) {
        return a * a;
    }
    return a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : Math.pow(a, b);
}

// The square root corrected by what the squares lost, as they are in C libraries.
function ieee_hypot(a, b) {
    const x = Math.max(Math.abs(a), Math.abs(b));
    const y = Math.min(Math.abs(a), Math.abs(b));
    if (Math.abs(a) === Infinity || Math.abs(b) === Infinity) {
        return Infinity;
    }
    if (x > 1e150) {
        return ieee_hypot(a * 2 ** -600, b * 2 ** -600) * 2 ** 600;
    }
    if (y < 1e-140 && x < 1e-120 && y > 0) {
        return ieee_hypot(a * 2 ** 600, b * 2 ** 600) * 2 ** -600;
    }
    const h = Math.sqrt(x * x + y * y);
    if (!(y > x * 2 ** -54)) {
        return x + y;
    }
    const missing = x * x - h * h + y * y + (squareError(x) - squareError(h) + squareError(y));
    return h + missing / (2 * h);
}

// What x² is beyond the float x * x, which Veltkamp's splitting of x into halves gives exactly.
function squareError(x) {
    const c = 134217729 * x; // 2**27 + 1
    const high = c - (c - x);
    const low = x - high;
    return high * high - x * x + 2 * high * low + low * low;
}

function ieee_round(x) {
    const allWhole = 4503599627370496; // 2**52
    return Math.abs(x) < allWhole ? withSign(Math.abs(x) + allWhole - allWhole, x) : x;
}

// erf x = 2/√π · Σ (-1)ⁿ x²ⁿ⁺¹ / (n! (2n + 1)), as x + x · (what this returns): no bit of x is
// rounded away. For |x| < 1. https://dlmf.nist.gov/7.6.E1
function erfSeries(x) {
    const square = x * x;
    let power = 1;
    let y = 0;
    for (let n = 1; n < 20; n++) {
        power *= -square / n;
        y += power / (2 * n + 1);
    }
    return 0.12837916709551256 + 1.1283791670955126 * y; // 2/√π - 1
}

// x exp(x²) erfc x as a polynomial of t in [-1, 1], where x = 0.5 + 4 (1 + t) / (1 - t). It is the
// Chebyshev series, up to the coefficient that is below the last bit, from 50 digits; the map is
// that of Shepherd and Laframboise (1981), https://doi.org/10.1090/S0025-5718-1981-0595058-X
const ERFC_POLYNOMIAL = [
    0.5511816192322864, 0.04330500347689796, -0.06273430373492302, 0.057803238491010926,
    -0.04104285433677689, 0.023395138621533005, -0.010636795469175942, 0.0036665703956799815,
    -0.0008105114573731318, 1.9529451030168287e-05, 6.168478177183393e-05,
    -1.9351874644390058e-05, -1.2374359641627057e-06, 2.280171649875017e-06,
    -2.7629175071256577e-07, -2.2319066709878896e-07, 6.077469049215367e-08,
    2.243080561112979e-08, -9.325472887837402e-09, -2.513349464591812e-09,
    1.1771808420822135e-09, 2.8825314928876926e-10, -9.238319194662095e-11,
    -2.255304556077301e-11,
];

// erfc x for x >= 0.7. What x² loses as a float is multiplied in on its own.
function erfcTail(x) {
    if (x > 28) {
        return 0;
    }
    const t = (x - 4.5) / (x + 3.5);
    let y = ERFC_POLYNOMIAL.reduceRight((y, coefficient) => y * t + coefficient);
    const high = Math.fround(x);
    y = (y + y * Math.expm1((high - x) * (high + x))) / x;
    if (x < 26) {
        return Math.exp(-high * high) * y;
    }
    const root = Math.exp(-0.5 * high * high); // the exponential itself is too small for all digits
    return y * root * root;
}

function ieee_erf(x) {
    if (Math.abs(x) < 0.85) {
        return x + x * erfSeries(x);
    }
    return x > 0 ? 1 - erfcTail(x) : x < 0 ? erfcTail(-x) - 1 : x;
}

function ieee_erfc(x) {
    if (x < -0.85) {
        return 2 - erfcTail(-x);
    }
    if (x < 0.25) {
        return 1 - (x + x * erfSeries(x));
    }
    return x < 0.7 ? 0.5 - (x - 0.5 + x * erfSeries(x)) : x > 0 ? erfcTail(x) : x;
}

// For x < 0.7, exp(x²) erfc x itself.
function ieee_erfcx(x) {
    if (x < -27) {
        return Infinity;
    }
    if (x < 0.7) {
        const high = Math.fround(x);
        return Math.exp(high * high) * (Math.exp((x - high) * (x + high)) * ieee_erfc(x));
    }
    const t = x < 1e20 ? (x - 4.5) / (x + 3.5) : 1;
    return ERFC_POLYNOMIAL.reduceRight((y, coefficient) => y * t + coefficient) / x;
}

function quotient(x, polynomials) {
    const [a, b] = polynomials.map((c) => c.reduceRight((y, coefficient) => y * x + coefficient));
    return a / b;
}

function quantile(q, tail) {
    if (Math.abs(q) < QUANTILE_MIDDLE) {
        return q * quotient(QUANTILE_MIDDLE * QUANTILE_MIDDLE - q * q, QUANTILE_NEAR);
    }
    const r = Math.sqrt(-Math.log(tail));
    const y = r < 5 ? quotient(r - 1.6, QUANTILE_TAIL) : quotient(r - 5, QUANTILE_FAR);
    return Math.sign(q) * (tail > 0 ? y : tail === 0 ? Infinity : NaN);
}

function ieee_ndtri(p) {
    return quantile(p - 0.5, p < 0.5 ? p : 1 - p);
}

function ieee_erfinv(x) {
    return quantile(x * 0.5, (1 - Math.abs(x)) * 0.5) * 0.7071067811865476;
}

function isOrder(n) {
    return 0 <= n && n <= 100 && Math.floor(n) === n;
}

function sineOfPi(x, quarterTurns) {
    const nearest = ieee_round(x);
    const turns = quarterTurns + 2 * (nearest % 2);
    const angle = Math.PI * (x - nearest);
    const y = turns % 2 ? Math.cos(angle) : Math.sin(angle);
    return ((turns % 4) + 4) % 4 >= 2 ? -y : y;
}

function ieee_sinc(x) {
    return ieee_sinc_derivative(0, x);
}

function ieee_sinc_derivative(n, x) {
    if (x !== x || !isOrder(n)) {
        return NaN;
    }
    if (Math.abs(x) === Infinity) {
        return 0;
    }
    let y = 0;
    if (Math.abs(x) >= 0.5 + n / 8) {
        for (let k = 0; k <= n; k++) {
            y = (Math.pow(Math.PI, k - 1) * sineOfPi(x, k) - k * y) / x;
        }
        return y;
    }
    let j = Math.floor((n + 1) / 2);
    let power = 2 * j - n;
    let term = Math.pow(-1, j) * Math.pow(Math.PI, 2 * j) * Math.pow(x, power);
    while (Math.abs(term) > Math.abs(y) * 1e-17) {
        y += term / (2 * j + 1);
        term *= -Math.pow(Math.PI * x, 2) / ((power + 1) * (power + 2));
        j += 1;
        power += 2;
    }
    return y;
}

function ieee_erfcx_derivative(n, x) {
    if (x !== x || !isOrder(n)) {
        return NaN;
    }
    let y = 0;
    if (x < 0) {
        let before = 0;
        y = ieee_erfcx(x);
        for (let k = 0; k < n; k++) {
            [before, y] = [y, 2 * x * y + (k ? 2 * k * before : -1.1283791670955126)];
        }
        return y;
    }
    const c = 1 / (1 + x);
    const steps = 8 + 0.25 * n;
    for (let j = -Math.floor((42 * steps) / (n + 1)); j < Math.floor(5 * steps); j++) {
        const u = j / steps;
        const s = Math.exp(u);
        y += Math.exp((n + 1) * u - s * (c * s * c + 2 * (1 - c)));
    }
    y *= (0.5641895835477563 / steps) * ieee_pow(2 * c, n + 1);
    return n % 2 ? -y : y;
}

const BERNOULLI = [
    1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798,
    -174611 / 330,
];

const ZETA_LESS_ONE = [
    0.6449340668482264, 0.2020569031595943, 0.08232323371113819, 0.03692775514336993,
    0.01734306198444914, 0.008349277381922827, 0.00407735619794434, 0.0020083928260822143,
    0.0009945751278180853, 0.0004941886041194645, 0.0002460865533080483, 0.00012271334757848915,
    6.124813505870483e-05, 3.058823630702049e-05, 1.528225940865187e-05, 7.637197637899763e-06,
    3.81729326499984e-06, 1.908212716553939e-06, 9.539620338727962e-07, 4.769329867878064e-07,
    2.38450502727733e-07, 1.1921992596531106e-07, 5.960818905125948e-08, 2.980350351465228e-08,
    1.4901554828365043e-08, 7.45071178983543e-09, 3.725334024788457e-09, 1.862659723513049e-09,
    9.313274324196682e-10, 4.656629065033784e-10, 2.3283118336765053e-10, 1.164155017270052e-10,
];

const EULER = 0.5772156649015329;

function lgammaNearTwo(z) {
    let y = 0;
    for (let i = ZETA_LESS_ONE.length - 1; i >= 0; i--) {
        y = y * -z + ZETA_LESS_ONE[i] / (i + 2);
    }
    return z * (1 - EULER + z * y);
}

function stirling(x) {
    let series = 0;
    for (let k = BERNOULLI.length; k > 0; k--) {
        series = series / (x * x) + BERNOULLI[k - 1] / (2 * k * (2 * k - 1));
    }
    return series;
}

function gammaInParts(x) {
    if (x < 0.5) {
        return [Math.exp(lgammaNearTwo(x)) / (1 + x), 1 / x];
    }
    if (x < 1.4) {
        return [Math.exp(lgammaNearTwo(x - 1)), 1 / x];
    }
    let product = 1;
    if (x < 23) {
        while (x > 2.6) {
            x -= 1;
            product *= x;
        }
        return [Math.exp(lgammaNearTwo(x - 2)), product];
    }
    if (x > 200) {
        return [x, Infinity];
    }
    const root = ieee_pow(x, x / 2 - 0.25) * Math.exp(-x / 2);
    return [root, root * (2.5066282746310002 * Math.exp(stirling(x) / x))];
}

function ieee_gamma(x) {
    if (x < -0.5) {
        const [a, b] = gammaInParts(-x);
        return Math.floor(x) === x ? NaN : Math.PI / (-x * sineOfPi(x, 0)) / a / b;
    }
    const [a, b] = gammaInParts(x);
    return a * b;
}

function ieee_lgamma(x) {
    if (Math.abs(x) === Infinity) {
        return Infinity;
    }
    if (Math.abs(x) < 1e-20) {
        return -Math.log(Math.abs(x));
    }
    if (x < 0) {
        return Math.log(Math.PI / Math.abs(x * sineOfPi(x, 0))) - ieee_lgamma(-x);
    }
    if (x < 0.5) {
        return ieee_lgamma(x + 1) - Math.log(x);
    }
    if (x < 1.4) {
        return lgammaNearTwo(x - 1) - Math.log1p(x - 1);
    }
    if (x < 9) {
        let product = 1;
        while (x > 2.6) {
            x -= 1;
            product *= x;
        }
        return Math.log(product) + lgammaNearTwo(x - 2);
    }
    const series = x < 1e9 ? stirling(x) : 0;
    return (x - 0.5) * (Math.log(x) - 1) + (0.4189385332046727 + series / x);
}

function ieee_digamma(x) {
    if (x <= 0) {
        if (x === 0) {
            return -1 / x;
        }
        if (Math.floor(x) === x) {
            return NaN;
        }
        return ieee_digamma(1 - x) - Math.PI * (sineOfPi(x, 1) / sineOfPi(x, 0));
    }
    let below = 0;
    while (x < 10) {
        below -= 1 / x;
        x += 1;
    }
    let series = 0;
    const inverse = 1 / x;
    const square = inverse * inverse;
    for (let k = BERNOULLI.length; k > 0; k--) {
        series = (series + BERNOULLI[k - 1] / (2 * k)) * square;
    }
    return Math.log(x) - 0.5 * inverse - series + below;
}

// The product of the whole numbers from `first` to `last`, rounded once.
function productOfRange(first, last) {
    let product = 1n;
    for (let factor = first; factor <= last; factor++) {
        product *= BigInt(factor);
    }
    return Number(product);
}

function cotangentDerivative(n, x) {
    let coefficients = [0, 1];
    for (let step = 0; step < n; step++) {
        const slopes = coefficients.map((coefficient, k) => k * coefficient).slice(1);
        coefficients = [...slopes, 0, 0];
        slopes.forEach((slope, k) => {
            coefficients[k + 2] += slope;
        });
        coefficients = coefficients.map((coefficient) => -Math.PI * coefficient);
    }
    const c = sineOfPi(x, 1) / sineOfPi(x, 0);
    return coefficients.reduceRight((y, coefficient) => y * c + coefficient, 0);
}

function ieee_polygamma(n, x) {
    if (x !== x || !isOrder(n)) {
        return NaN;
    }
    if (n === 0) {
        return ieee_digamma(x);
    }
    const odd = n % 2 === 1;
    const factorial = productOfRange(2, n);
    if (Math.abs(x) < 1e-20) {
        return factorial * ieee_pow(x, -(n + 1)) * (odd ? 1 : -1);
    }
    if (x < 0) {
        if (Math.floor(x) === x) {
            return odd ? Infinity : NaN;
        }
        const reflected = ieee_polygamma(n, 1 - x);
        return (odd ? -reflected : reflected) - Math.PI * cotangentDerivative(n, x);
    }
    if (x === Infinity) {
        return 0;
    }
    let above = 0;
    while (x < 10 + n) {
        above += factorial * ieee_pow(x, -(n + 1));
        x += 1;
    }
    const inverse = 1 / x;
    let series = 0;
    for (let k = BERNOULLI.length; k > 0; k--) {
        const growth = productOfRange(2 * k + 1, 2 * k + n - 1);
        series = (series + BERNOULLI[k - 1] * growth) * inverse * inverse;
    }
    const y = (series + factorial * (1 / n + 0.5 * inverse)) * ieee_pow(inverse, n) + above;
    return odd ? y : -y;
}
