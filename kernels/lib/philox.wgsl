// philox — counter-based random numbers, Philox4x32-10: the same bits as engine/random.ts.
//
// philox(key, counter) is a bijection of the 128-bit counter for every key; distinct counters give
// words that pass for independent. Nothing is kept between calls, so any thread can make any draw.
// uniform_of gives 24 bits in [0, 1), exactly; normal_of a standard normal by Box–Muller.
//
// Source: Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", SC'11,
// §4.3 and table 2.

const PHILOX_ROUNDS: u32 = 10;
const PHILOX_MULTIPLIERS = vec2<u32>(0xd2511f53u, 0xcd9e8d57u);
const PHILOX_WEYL = vec2<u32>(0x9e3779b9u, 0xbb67ae85u); // golden ratio, sqrt(3) − 1

// The high 32 bits of the 64-bit products, from 16-bit halves: WGSL has no 64-bit integers.
fn multiply_high(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let a_low = a & vec2<u32>(0xffffu);
  let a_high = a >> vec2<u32>(16u);
  let b_low = b & vec2<u32>(0xffffu);
  let b_high = b >> vec2<u32>(16u);
  let middle = a_high * b_low + ((a_low * b_low) >> vec2<u32>(16u));
  let carry = a_low * b_high + (middle & vec2<u32>(0xffffu));
  return a_high * b_high + (middle >> vec2<u32>(16u)) + (carry >> vec2<u32>(16u));
}

fn philox(key: vec2<u32>, counter: vec4<u32>) -> vec4<u32> {
  var k = key;
  var c = counter;
  for (var round = 0u; round < PHILOX_ROUNDS; round++) {
    let high = multiply_high(PHILOX_MULTIPLIERS, c.xz);
    let low = PHILOX_MULTIPLIERS * c.xz;
    c = vec4<u32>(high.y ^ c.y ^ k.x, low.y, high.x ^ c.w ^ k.y, low.x);
    k += PHILOX_WEYL;
  }
  return c;
}

// 24 of 32 random bits as a number in [0, 1); exact.
fn uniform_of(bits: vec4<u32>) -> vec4<f32> {
  return vec4<f32>(bits >> vec4<u32>(8u)) * 0x1p-24;
}

// cos(2πv) for v in [0, 1], which is sin(x) with x = 2π(|v − ½| − ¼) in [−π/2, π/2], by its series
// to x¹³: WGSL allows cos an error of 2⁻¹¹, and SwiftShader makes use of it.
fn cos_turn(v: vec2<f32>) -> vec2<f32> {
  let x = 6.283185307179586 * (abs(v - 0.5) - 0.25);
  let q = x * x;
  let tail = 1.0 - q / 72.0 * (1.0 - q / 110.0 * (1.0 - q / 156.0));
  return x * (1.0 - q / 6.0 * (1.0 - q / 20.0 * (1.0 - q / 42.0 * tail)));
}

// Two standard normals of two pairs of uniforms: √(−2 ln(1 − u)) · cos(2πv). Near u = 0 the
// logarithm is a series, since ln's error bound in WGSL is absolute and the root would magnify it.
fn normal_of(u: vec2<f32>, v: vec2<f32>) -> vec2<f32> {
  let series = u * (1.0 + u * (1.0 / 2.0 + u * (1.0 / 3.0 + u * (1.0 / 4.0))));
  let minus_log = select(-log(1.0 - u), series, u < vec2<f32>(0x1p-6));
  return sqrt(2.0 * minus_log) * cos_turn(v);
}
