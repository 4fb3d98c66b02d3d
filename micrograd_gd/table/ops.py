"""THE TABLE: one row per primitive operation, and everything else in the package reads it.

Legend. `x`, or `a b`: operands. `y`: the result. The columns of a row, in order:

name        what it is called everywhere
operands    their letters; `c = 2` gives a default; `*w` stands for any number of operands
value       the result, an expression of the operands
partials    one expression per operand, ∂y/∂operand, of operands and `y`; `None`: no path
doc         one sentence
method      the special method of Python that records it, without underscores
infix       how it is written between (or before) its operands, where it is
latex       how it is typeset, `<a>` being operand a; otherwise as a call
domain      where it is smooth, as a condition; empty: everywhere
kinks       expressions that are 0 where it has a kink or a jump
convention  the derivative that is returned at a kink
properties  words of: commutative, odd, even, increasing, flat (derivative 0 wherever it has one),
            internal (there to be the derivative of others: no method, unlisted in functional)
aliases     further names of the method, so that NumPy's functions find it
identities  what is simpler for some number, to the last bit: `b=1: a` says that the result is a
            where b is 1 (of the two zeros, -0 leaves a sum as it is, and 0 a difference). `b=0: 1`
            says that it is 1 whatever a is: beside a plain 0, no derivative flows to a

Partials are right to the last digits over the whole domain, in the second derivative too, and that
decides their form. `pow` avoids the rounding of b - 1 where b is small. `y + 0` turns -0 into 0.
`-y` serves where a logarithm is nan or -inf already, and `exp(x)` where x is nan: so are all of its
derivatives.

A row with `*` operands folds: its value is one step, which adds a term to `s`, the sum so far.
"""

from micrograd_gd.table.operation import OPERATIONS, Operation, by_syntax, operation
from micrograd_gd.table.primitive import check_calls, primitive, subscribe

__all__ = ["OPERATIONS", "Operation", "by_syntax", "operation", "primitive", "subscribe"]

# fmt: off
# Arithmetic.
primitive("add", "a b", "a + b", ["1", "1"],
          "Sum.", method="add", infix="+", latex="<a> + <b>", properties="commutative",
          identities="a=-0: b, b=-0: a")
primitive("sub", "a b", "a - b", ["1", "-1"],
          "Difference.", method="sub", infix="-", latex="<a> - <b>",
          identities="b=0: a")
primitive("mul", "a b", "a * b", ["b", "a"],
          "Product.", method="mul", infix="*", latex=r"<a> \cdot <b>", properties="commutative",
          identities="a=1: b, b=1: a")
primitive("div", "a b", "a / b", ["1 / b", "-y / b"],
          "Quotient.", method="truediv", infix="/", latex=r"\frac{<a>}{<b>}", domain="b != 0",
          identities="b=1: a")
primitive("neg", "x", "-x", "-1",
          "Negative.", method="neg", infix="-", latex="-<x>", properties="odd")
primitive("pow", "a b", "a ** b",
          [("0 if b == 0 and (a == 0 or a != a) else b * a ** (b - 1) if abs(b) > 0.25 or a == 0"
            " or abs(a) > 1e308 or (abs(b) > 0.06 and abs(a) < 1e-150)"
            " else b * y / a if abs(b) > 1e-16 else b / a * y"),
           "0 if y == 0 and a >= 0 else y * log(a)"],
          "Power.", method="pow", infix="**", latex="<a>^{<b>}", domain="a > 0",
          identities="b=1: a, b=2: square(a), b=0: 1, a=1: 1")
primitive("square", "x", "x * x", "2 * x",
          "Square.", latex="<x>^2", properties="even")
primitive("reciprocal", "x", "1 / x", "-y * y",
          "One divided by x.", latex=r"\frac{1}{<x>}", domain="x != 0", properties="odd")

# Whole numbers and remainders: steps, so no derivative flows through them.
primitive("floordiv", "a b", "floordiv(a, b)", ["None if y == y else y", "None if y == y else y"],
          "Quotient rounded down to a whole number.", method="floordiv", infix="//",
          latex=r"\left\lfloor \frac{<a>}{<b>} \right\rfloor", domain="b != 0",
          kinks="a / b - round(a / b)", convention="0, 0", properties="flat")
primitive("mod", "a b", "mod(a, b)",
          ["1 if y == y else y", "None if y == a else -floordiv(a, b) if y == y else y"],
          "What is left of a after floordiv, with the sign of b.", method="mod", infix="%",
          latex=r"<a> \bmod <b>", domain="b != 0", kinks="a / b - round(a / b)",
          convention="as to its right")
primitive("fmod", "a b", "fmod(a, b)",
          ["1 if y == y else y", "None if y == a else round((y - a) / b)"],
          "What is left of a after division cut toward 0, with the sign of a.", domain="b != 0",
          kinks="a / b - round(a / b)", convention="as away from 0")
primitive("floor", "x", "floor(x)", "None if y == y else y",
          "Largest whole number not above x.", method="floor",
          latex=r"\left\lfloor <x> \right\rfloor", kinks="x - round(x)", convention="0",
          properties="flat increasing")
primitive("ceil", "x", "ceil(x)", "None if y == y else y",
          "Smallest whole number not below x.", method="ceil",
          latex=r"\left\lceil <x> \right\rceil", kinks="x - round(x)", convention="0",
          properties="flat increasing")
primitive("round", "x", "round(x)", "None if y == y else y",
          "Nearest whole number; of two, the even one.", method="round",
          kinks="x - floor(x) - 0.5", convention="0", properties="flat odd increasing",
          aliases="rint")
primitive("sign", "x", "sign(x)", "None if y == y else y",
          "-1, 0 or 1, as x is below, at or above 0.", kinks="x", convention="0",
          properties="flat odd increasing")
primitive("trunc", "x", "floor(x) if x > 0 else ceil(x)", "None if y == y else y",
          "The whole number next to x toward 0.", kinks="x - round(x)", convention="0",
          properties="flat odd increasing")

# Exponentials and logarithms.
primitive("exp", "x", "exp(x)", "y",
          "Exponential.", latex="e^{<x>}", properties="increasing")
primitive("exp2", "x", "exp2(x)", "0.6931471805599453 * y",
          "Two to the power x.", latex="2^{<x>}", properties="increasing")
primitive("expm1", "x", "expm1(x)", "exp(x)",
          "Exponential less 1, without cancellation near 0.", latex="e^{<x>} - 1",
          properties="increasing")
primitive("log", "x", "log(x)", "1 / x if x > 0 else -y",
          "Natural logarithm.", latex=r"\ln\left(<x>\right)", domain="x > 0",
          properties="increasing")
primitive("log2", "x", "log2(x)", "1.4426950408889634 / x if x > 0 else -y",
          "Logarithm to base 2.", latex=r"\log_2\left(<x>\right)", domain="x > 0",
          properties="increasing")
primitive("log10", "x", "log10(x)", "0.4342944819032518 / x if x > 0 else -y",
          "Logarithm to base 10.", latex=r"\log_{10}\left(<x>\right)", domain="x > 0",
          properties="increasing")
primitive("log1p", "x", "log1p(x)", "1 / (1 + x) if x > -1 else -y",
          "Logarithm of 1 + x, without cancellation near 0.", latex=r"\ln\left(1 + <x>\right)",
          domain="x > -1", properties="increasing")
primitive("logaddexp", "a b",
          "a + 0.6931471805599453 if a == b else (a if a > b else b) + log1p(exp(-abs(a - b)))",
          ["sigmoid(a - b)", "sigmoid(b - a)"],
          "Logarithm of exp a + exp b.", latex=r"\ln\left(e^{<a>} + e^{<b>}\right)",
          properties="commutative")
primitive("xlogy", "a b", "0 if a == 0 and b == b else a * log(b)",
          ["log(b)", "0 if a == 0 and b == 0 else a / abs(b) if b >= 0 else log(b)"],
          "a log b, and 0 where a is 0.", latex=r"<a> \ln <b>", domain="b > 0")
primitive("xlog1py", "a b", "0 if a == 0 and b == b else a * log1p(b)",
          ["log1p(b)", "0 if a == 0 and b == -1 else a / (1 + b) if b >= -1 else log1p(b)"],
          "a log(1 + b), and 0 where a is 0.", latex=r"<a> \ln\left(1 + <b>\right)",
          domain="b > -1")
primitive("entr", "x", "-xlogy(x, x)", "-1 - log(x)",
          "-x log x, a term of an entropy, and 0 at 0.",
          latex=r"-<x> \ln <x>", domain="x > 0")
primitive("kl_div", "a b",
          "b if a == 0 and b >= 0 else a * (2 * log(sqrt(a) / sqrt(b)) - 1) + b"
          " if a > 2 * b or b > 2 * a or a < 0 else (a - b) / (a / 2 + b / 2) * (a - b) / 2"
          " + a * (atanh((a - b) / 2 / (a / 2 + b / 2)) - (a - b) / 2 / (a / 2 + b / 2)) * 2",
          ["2 * log(sqrt(a) / sqrt(b)) if a / b > 1e-100 and a / b < 1e100 else log(a) - log(b)",
           "1 - a / b if a >= 0 and b >= 0 else y"],
          "a log(a / b) - a + b, a term of a divergence, and b where a is 0.",
          latex=r"<a> \ln \frac{<a>}{<b>} - <a> + <b>", domain="a > 0 and b > 0")
primitive("log1mexp", "x", "log(-expm1(-x)) if x < 0.7 else log1p(-exp(-x))",
          "exp(-x) / -expm1(-x) if x >= 0 else y",
          "Logarithm of 1 - exp(-x).", latex=r"\ln\left(1 - e^{-<x>}\right)", domain="x > 0",
          properties="increasing")
primitive("logit", "x", "log(x / (1 - x))", "1 / (x + 0) + 1 / (1 - x) if x >= 0 and x <= 1 else y",
          "Logarithm of the odds x / (1 - x), the inverse of sigmoid.",
          latex=r"\ln \frac{<x>}{1 - <x>}", domain="0 < x and x < 1", properties="increasing")

# Roots and lengths.
primitive("sqrt", "x", "sqrt(x)", "0.5 / (y + 0)",
          "Square root.", latex=r"\sqrt{<x>}", domain="x > 0", properties="increasing")
primitive("rsqrt", "x", "1 / sqrt(x)", "-0.5 * y / x",
          "One divided by the square root.", latex=r"\frac{1}{\sqrt{<x>}}", domain="x > 0")
primitive("cbrt", "x", "cbrt(x)", "(1 / y) ** 2 / 3",
          "Cube root.", latex=r"\sqrt[3]{<x>}", domain="x != 0", properties="odd increasing")
primitive("hypot", "a b", "hypot(a, b)", ["direction(a, b)", "direction(b, a)"],
          "Length of the vector (a, b).", latex=r"\sqrt{<a>^2 + <b>^2}", domain="a != 0 or b != 0",
          convention="0, 0", properties="commutative")
primitive("direction", "a b",
          "0 if a == 0 and b == 0 else sign(a) if abs(a) > 1e40 * abs(b) else a / hypot(a, b)"
          " if abs(a) + abs(b) > 1e-290 else 1e100 * a / hypot(1e100 * a, 1e100 * b)",
          ["direction(b, a) * 0.5 / hypot(a, b) * direction(b, a) * 2",
           "-direction(a, b) * 0.5 / hypot(a, b) * direction(b, a) * 2"],
          "Cosine of the angle between the vector (a, b) and the axis of a, 0 at the origin.",
          latex=r"\frac{<a>}{\sqrt{<a>^2 + <b>^2}}", domain="a != 0 or b != 0",
          properties="internal")
primitive("inversion", "a b",
          "a / (a * a + b * b) if a * a + b * b > 1e-280 and a * a + b * b < 1e280"
          " else direction(a, b) / hypot(a, b)",
          ["(direction(b, a) ** 2 - direction(a, b) ** 2) / hypot(a, b) / hypot(a, b)",
           "-2 * inversion(b, a) * y"],
          "First coordinate of the point (a, b) inverted in the unit circle, a / (a² + b²).",
          latex=r"\frac{<a>}{<a>^2 + <b>^2}", domain="a != 0 or b != 0", properties="internal")

# Trigonometry, angles in radians.
primitive("sin", "x", "sin(x)", "cos(x)",
          "Sine.", latex=r"\sin\left(<x>\right)", properties="odd")
primitive("cos", "x", "cos(x)", "-sin(x)",
          "Cosine.", latex=r"\cos\left(<x>\right)", properties="even")
primitive("tan", "x", "tan(x)", "1 + y * y",
          "Tangent.", latex=r"\tan\left(<x>\right)", domain="cos(x) != 0", properties="odd")
primitive("deg2rad", "x", "0.017453292519943295 * x", "0.017453292519943295",
          "Degrees into radians.", properties="odd increasing", aliases="radians")
primitive("rad2deg", "x", "57.29577951308232 * x", "57.29577951308232",
          "Radians into degrees.", properties="odd increasing", aliases="degrees")
primitive("asin", "x", "asin(x)", "1 / sqrt(complement(x))",
          "Angle whose sine is x.", latex=r"\arcsin\left(<x>\right)", domain="-1 < x and x < 1",
          properties="odd increasing", aliases="arcsin")
primitive("acos", "x", "acos(x)", "-1 / sqrt(complement(x))",
          "Angle whose cosine is x.", latex=r"\arccos\left(<x>\right)", domain="-1 < x and x < 1",
          aliases="arccos")
primitive("complement", "x", "(1 - x) * (1 + x)", "-2 * x",
          "1 - x², without cancellation near -1 and 1.", latex="1 - <x>^2",
          properties="even internal")
primitive("atan", "x", "atan(x)", "(1 / hypot(1, x)) ** 2",
          "Angle whose tangent is x.", latex=r"\arctan\left(<x>\right)",
          properties="odd increasing", aliases="arctan")
primitive("atan2", "a b", "atan2(a, b)",
          ["inversion(b, a)", "-inversion(a, b)"],
          "Angle of the point with height a and abscissa b.",
          latex=r"\operatorname{atan2}\left(<a>, <b>\right)", domain="a != 0 or b > 0",
          aliases="arctan2")
primitive("sinc", "x", "sinc(x)", "sinc_derivative(1, x)",
          "sin(πx) / (πx), and 1 at 0.", properties="even")
primitive("sinc_derivative", "n x", "sinc_derivative(n, x)", ["0", "sinc_derivative(n + 1, x)"],
          "The n-th derivative of sinc.", latex=r"\operatorname{sinc}^{(<n>)}\left(<x>\right)",
          domain="n == abs(floor(n))", properties="internal")

# Hyperbolic functions.
primitive("sinh", "x", "sinh(x)", "cosh(x)",
          "Hyperbolic sine.", latex=r"\sinh\left(<x>\right)", properties="odd increasing")
primitive("cosh", "x", "cosh(x)", "sinh(x)",
          "Hyperbolic cosine.", latex=r"\cosh\left(<x>\right)", properties="even")
primitive("tanh", "x", "tanh(x)", "sech(x) ** 2",
          "Hyperbolic tangent, saturating at ±1.", latex=r"\tanh\left(<x>\right)",
          properties="odd increasing")
primitive("sech", "x", "sech(x)", "-y * tanh(x)",
          "Hyperbolic secant, 1 / cosh x.", properties="even")
primitive("asinh", "x", "asinh(x)", "1 / hypot(1, x)",
          "Number whose hyperbolic sine is x.", properties="odd increasing", aliases="arcsinh")
primitive("acosh", "x", "acosh(x)", "1 / sqrt(x - 1) / sqrt(x + 1)",
          "Number at or above 0 whose hyperbolic cosine is x.", domain="x > 1",
          properties="increasing", aliases="arccosh")
primitive("atanh", "x", "atanh(x)", "1 / complement(x) if abs(x) <= 1 else y",
          "Number whose hyperbolic tangent is x.", domain="-1 < x and x < 1",
          properties="odd increasing", aliases="arctanh")

# Activations.
primitive("sigmoid", "x", "sigmoid(x)",
          "sech(x / 2) ** 2 / 4",
          "Logistic function 1 / (1 + exp(-x)), from 0 to 1.", latex=r"\sigma\left(<x>\right)",
          properties="increasing")
primitive("logsigmoid", "x", "(0 if x >= 0 else x) - log1p(exp(-abs(x)))", "sigmoid(-x)",
          "Logarithm of the logistic function.", latex=r"\ln \sigma\left(<x>\right)",
          properties="increasing")
primitive("softplus", "x", "(x if x > 0 else 0) + log1p(exp(-abs(x)))", "sigmoid(x)",
          "Logarithm of 1 + exp x, a smooth relu.", properties="increasing")
primitive("softsign", "x", "x / (1 + abs(x)) if abs(x) < 1e300 else sign(x)",
          "(1 / (1 + abs(x))) ** 2",
          "x / (1 + |x|), from -1 to 1.", properties="odd increasing")
primitive("relu", "x", "0 if x <= 0 else x", "None if x <= 0 else 1 if x > 0 else exp(x)",
          "The positive part of x.", kinks="x", convention="0", properties="increasing")
primitive("relu6", "x", "0 if x <= 0 else 6 if x >= 6 else x",
          "None if x <= 0 or x >= 6 else 1 if x == x else exp(x)",
          "x, kept within [0, 6].", kinks="x, x - 6", convention="0", properties="increasing")
primitive("hardswish", "x", "0 if x <= -3 else x if x >= 3 else x * (x + 3) / 6",
          "None if x <= -3 else 1 if x >= 3 else (2 * x + 3) / 6 if x == x else exp(x)",
          "0 below -3, x above 3, and x (x + 3) / 6 between.", kinks="x + 3, x - 3",
          convention="0 at -3, 1 at 3")
primitive("leaky_relu", "x slope=0.01", "x if x > 0 else slope * x",
          ["1 if x > 0 else slope if x <= 0 else exp(x)", "None if x > 0 else x"],
          "x above 0, slope · x below.", kinks="x", convention="slope, 0")
primitive("elu", "x alpha=1", "x if x > 0 else alpha * expm1(x)",
          ["1 if x > 0 else alpha * exp(x)", "None if x > 0 else expm1(x)"],
          "x above 0, alpha (exp x - 1) below.", kinks="x", convention="alpha, 0")
primitive("selu", "x", "1.0507009873554805 * x if x > 0 else 1.7580993408473766 * expm1(x)",
          "1.0507009873554805 if x > 0 else 1.7580993408473766 * exp(x)",
          "Scaled elu that keeps mean 0 and variance 1 from layer to layer.", kinks="x",
          convention="1.758", properties="increasing")
primitive("gelu", "x", "x / 2 * erfc(-0.7071067811865476 * x) if x > -40 else 0 if x <= -40 else x",
          "0.5 * erfc(-0.7071067811865476 * x) + 0.3989422804014327 * x * exp(-0.5 * x * x)"
          " if abs(x) < 40 else 1 if x > 0 else 0 if x < 0 else exp(x)",
          "x times the normal distribution function of x.")
primitive("gelu_tanh", "x",
          "x * sigmoid(1.5957691216057308 * x * (1 + 0.044715 * x * x)) if x > -40"
          " else 0 if x <= -40 else x",
          "sigmoid(1.5957691216057308 * x * (1 + 0.044715 * x * x))"
          " + (sech(0.7978845608028654 * x * (1 + 0.044715 * x * x)) / 2) ** 2"
          " * 1.5957691216057308 * x * (1 + 0.134145 * x * x)"
          " if abs(x) < 40 else 1 if x > 0 else 0 if x < 0 else exp(x)",
          "gelu with tanh in place of the distribution function, as in GPT-2.")
primitive("silu", "x", "x * sigmoid(x) if x > -800 else 0 if x <= -800 else x",
          "sigmoid(x) + x * (sech(x / 2) ** 2 / 4)"
          " if abs(x) < 800 else 1 if x > 0 else 0 if x < 0 else exp(x)",
          "x times the logistic function of x.")
primitive("mish", "x", "x * tanh(softplus(x)) if x > -800 else 0 if x <= -800 else x",
          "tanh(softplus(x)) + x * sech(softplus(x)) ** 2 * sigmoid(x)"
          " if abs(x) < 800 else 1 if x > 0 else 0 if x < 0 else exp(x)",
          "x times tanh of the softplus of x.")

# Choices. At a tie the derivative is shared; the branch that was not taken gets none.
primitive("abs", "x", "abs(x)", "sign(x)",
          "Absolute value.", method="abs", latex=r"\left|<x>\right|", kinks="x", convention="0",
          properties="even", aliases="fabs")
primitive("minimum", "a b", "a if a < b or a != a else b",
          ["1 if a < b else 0.5 if a == b else None if a > b else y",
           "1 if a > b else 0.5 if a == b else None if a < b else y"],
          "The smaller of two.", latex=r"\min\left(<a>, <b>\right)", kinks="a - b",
          convention="1/2, 1/2", properties="commutative")
primitive("maximum", "a b", "a if a > b or a != a else b",
          ["1 if a > b else 0.5 if a == b else None if a < b else y",
           "1 if a < b else 0.5 if a == b else None if a > b else y"],
          "The larger of two.", latex=r"\max\left(<a>, <b>\right)", kinks="a - b",
          convention="1/2, 1/2", properties="commutative")
primitive("fmin", "a b", "a if a < b or b != b else b",
          ["y if y != y else 1 if a < b or b != b else 0.5 if a == b else None",
           "y if y != y else 1 if a > b or a != a else 0.5 if a == b else None"],
          "The smaller of two, and the other where one is nan.", kinks="a - b",
          convention="1/2, 1/2", properties="commutative")
primitive("fmax", "a b", "a if a > b or b != b else b",
          ["y if y != y else 1 if a > b or b != b else 0.5 if a == b else None",
           "y if y != y else 1 if a < b or a != a else 0.5 if a == b else None"],
          "The larger of two, and the other where one is nan.", kinks="a - b",
          convention="1/2, 1/2", properties="commutative")
primitive("clip", "x low high", "high if x > high or low > high else low if x < low else x",
          [("None if x < low or x > high or (x == high and low == high)"
            " else 1 if x == x else exp(x)"),
           "1 if x < low and low <= high else None",
           "1 if x > high or low > high or (x == high and low == high) else None"],
          "x, kept within [low, high].", kinks="x - low, x - high, low - high",
          convention="1, 0, 0")
primitive("where", "c a b", "a if c != 0 else b",
          ["None", "1 if c != 0 else None", "None if c != 0 else 1"],
          "a where c is true (not 0), else b.",
          latex=r"\begin{cases} <a> & <c> \neq 0 \\ <b> & \text{otherwise} \end{cases}", kinks="c")
primitive("less", "a b", "1 if a < b else 0", ["None", "None"],
          "1 where a is below b, else 0: a test for where.", latex=r"\left[<a> < <b>\right]",
          kinks="a - b", convention="0, 0", properties="flat")
primitive("less_equal", "a b", "1 if a <= b else 0", ["None", "None"],
          "1 where a is at or below b, else 0.", latex=r"\left[<a> \leq <b>\right]",
          kinks="a - b", convention="0, 0", properties="flat")
primitive("equal", "a b", "1 if a == b else 0", ["None", "None"],
          "1 where a and b are the same number, else 0.", latex=r"\left[<a> = <b>\right]",
          kinks="a - b", convention="0, 0", properties="flat commutative")

# Special functions.
primitive("erf", "x", "erf(x)",
          "1.1283791670955126 * exp(-x * x) if abs(x) < 30 else 0 if x == x else exp(x)",
          "Error function.", properties="odd increasing")
primitive("erfc", "x", "erfc(x)",
          "-1.1283791670955126 * exp(-x * x) if abs(x) < 30 else 0 if x == x else exp(x)",
          "1 - erf x, without cancellation.")
primitive("ndtr", "x", "erfc(-0.7071067811865476 * x) / 2",
          "0.3989422804014327 * exp(-0.5 * x * x) if abs(x) < 40 else 0 if x == x else exp(x)",
          "Normal distribution function, the share below x.", latex=r"\Phi\left(<x>\right)",
          properties="increasing")
primitive("log_ndtr", "x",
          "log(erfcx(-0.7071067811865476 * x) / 2) - x * x / 2 if x < -1"
          " else log1p(-erfc(0.7071067811865476 * x) / 2)",
          "-x if x < -1e150 else 0.7978845608028654 / erfcx(-0.7071067811865476 * x) if x < 0"
          " else 0.3989422804014327 * exp(-0.5 * x * x) / ndtr(x) if x < 40 else 0 * y",
          "Logarithm of ndtr, also far out where that is 0.", latex=r"\ln \Phi\left(<x>\right)",
          properties="increasing")
primitive("ndtri", "x", "ndtri(x)",
          "2.5066282746310002 * exp(0.5 * y * y) if abs(x - 0.5) < 0.4 or x * (1 - x) == 0"
          " else 1 / (0.7978845608028654 * x / erfcx(-0.7071067811865476 * y)) if x < 0.5"
          " else 1 / (0.7978845608028654 * (1 - x) / erfcx(0.7071067811865476 * y))",
          "Number below which ndtr has the share x, the inverse of ndtr.",
          latex=r"\Phi^{-1}\left(<x>\right)", domain="0 < x and x < 1", properties="increasing")
primitive("erfinv", "x", "erfinv(x)",
          "0.886226925452758 * exp(y * y) if abs(x) < 0.8 or abs(x) == 1"
          " else 0.886226925452758 * erfcx(y) / (1 - x) if x > 0"
          " else 0.886226925452758 * erfcx(-y) / (1 + x)",
          "Number whose erf is x.", latex=r"\operatorname{erf}^{-1}\left(<x>\right)",
          domain="-1 < x and x < 1", properties="odd increasing")
primitive("erfcx", "x", "erfcx(x)", "erfcx_derivative(1, x)",
          "exp(x²) erfc x, which is neither 0 nor infinite for large x.",
          latex=r"e^{<x>^2} \operatorname{erfc}\left(<x>\right)")
primitive("erfcx_derivative", "n x", "erfcx_derivative(n, x)", ["0", "erfcx_derivative(n + 1, x)"],
          "The n-th derivative of erfcx.", latex=r"\operatorname{erfcx}^{(<n>)}\left(<x>\right)",
          domain="n == abs(floor(n))", properties="internal")
primitive("gamma", "x", "gamma(x)", "y * digamma(x) if x < 200 else y",
          "Gamma function, (x - 1)! at whole numbers.", latex=r"\Gamma\left(<x>\right)",
          domain="x > 0 or x != floor(x)")
primitive("lgamma", "x", "lgamma(x)", "digamma(x)",
          "Logarithm of the gamma function's absolute value.",
          latex=r"\ln \left|\Gamma\left(<x>\right)\right|", domain="x > 0 or x != floor(x)")
primitive("digamma", "x", "digamma(x)", "polygamma(1, x)",
          "Derivative of lgamma.", latex=r"\psi\left(<x>\right)", domain="x > 0 or x != floor(x)")
primitive("polygamma", "n x", "polygamma(n, x)", ["0", "polygamma(n + 1, x)"],
          "The n-th derivative of digamma.", latex=r"\psi^{(<n>)}\left(<x>\right)",
          domain="n == abs(floor(n)) and (x > 0 or x != floor(x))", properties="internal")

# Sums of any length, from left to right, so that they equal the chain written out.
primitive("total", "s *x", "s + x", ["1", "1"],
          "Sum of all operands.", latex=r"\sum <x>")
primitive("dot", "s *w *x", "s + w * x", ["1", "x", "w"],
          "A bias plus the sum of products, what a neuron adds up.", latex=r"<s> + \sum <w> <x>")
# fmt: on

for _row in OPERATIONS.values():  # only now, since a row may call a later one
    check_calls(_row)
