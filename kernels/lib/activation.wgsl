// activation — the nonlinearities of transformers and their derivatives.
//
//   kind 1, relu        max(x, 0)
//   kind 2, gelu        x · Φ(x), Φ the normal distribution function
//   kind 3, quick_gelu  x · σ(1.702 x)
//
// erf by Abramowitz & Stegun 1964, 7.1.26: absolute error below 1.5e-7. Needs `alias Vector`: f32,
// or a vector of them.
//
// Source: Hendrycks & Gimpel 2016, arXiv:1606.08415, §2.

const QUICK: f32 = 1.702; // Hendrycks & Gimpel 2016, §2
const SQRT_HALF: f32 = 0.70710678;
const INVERSE_SQRT_TWO_PI: f32 = 0.39894228;

fn error_function(x: Vector) -> Vector {
  let a = abs(x);
  let t = 1.0 / (1.0 + 0.3275911 * a);
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741
    + t * (-1.453152027 + t * 1.061405429))));
  return sign(x) * (1.0 - p * exp(-a * a));
}

fn normal_distribution(x: Vector) -> Vector {
  return 0.5 * (1.0 + error_function(x * SQRT_HALF));
}

fn sigmoid(x: Vector) -> Vector {
  return 1.0 / (1.0 + exp(-x));
}

fn activate(kind: u32, x: Vector) -> Vector {
  switch (kind) {
    case 1u: { return max(x, Vector(0.0)); }
    case 2u: { return x * normal_distribution(x); }
    case 3u: { return x * sigmoid(QUICK * x); }
    default: { return x; }
  }
}

fn activation_slope(kind: u32, x: Vector) -> Vector {
  switch (kind) {
    case 1u: { return select(Vector(0.0), Vector(1.0), x > Vector(0.0)); }
    case 2u: { return normal_distribution(x) + x * INVERSE_SQRT_TWO_PI * exp(-0.5 * x * x); }
    case 3u: {
      let s = sigmoid(QUICK * x);
      return s + QUICK * x * s * (1.0 - s);
    }
    default: { return Vector(1.0); }
  }
}
