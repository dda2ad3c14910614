// roof_fma — how fast the adapter can multiply and add when nothing leaves the registers.
//
//   x[k] ← x[k] · factor + term      rounds · STEPS times, for k < CHAINS
//   y[thread] = Σ_k Σ_lane x[k]
//
//   y  f32[threads]
//
// Every thread keeps CHAINS independent vec4 in registers: enough to hide the latency of a
// multiply-add, few enough not to spill. STEPS of them stand in straight line in a round, so that
// the loop costs little. Which numbers are best differs between adapters; the roof is the best of
// all. The only traffic is one word per thread, without which the work would be left out.
//
// factor < 1 holds x near term / (1 − factor): no overflow, no denormals. The chains are variables
// with names of their own because not every driver keeps an array in registers.
//
// Source: Williams, Waterman & Patterson 2009, "Roofline: an insightful visual performance model
// for multicore architectures", CACM 52(4), whose in-core ceiling this measures.

const WG: u32 = 64; // threads per workgroup
const CHAINS: u32 = 2; // vec4 per thread: 2, 4 or 8
const STEPS: u32 = 4; // multiply-adds of a chain per round: 4 or 16

struct Params { threads: u32, rounds: u32, factor: f32, term: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

fn four(x: vec4<f32>, factor: vec4<f32>, term: vec4<f32>) -> vec4<f32> {
  return fma(fma(fma(fma(x, factor, term), factor, term), factor, term), factor, term);
}

fn advance(x: vec4<f32>, factor: vec4<f32>, term: vec4<f32>) -> vec4<f32> {
  var next = four(x, factor, term);
  if (STEPS > 4u) {
    next = four(four(four(next, factor, term), factor, term), factor, term);
  }
  return next;
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.threads) {
    return;
  }
  let factor = vec4<f32>(params.factor);
  let term = vec4<f32>(params.term);
  var x0 = vec4<f32>(f32(id.x)) * vec4<f32>(1.0, 0.5, 0.25, 0.125);
  var x1 = x0 + 1.0;
  var x2 = x0 + 2.0;
  var x3 = x0 + 3.0;
  var x4 = x0 + 4.0;
  var x5 = x0 + 5.0;
  var x6 = x0 + 6.0;
  var x7 = x0 + 7.0;
  for (var round = 0u; round < params.rounds; round++) {
    x0 = advance(x0, factor, term);
    x1 = advance(x1, factor, term);
    if (CHAINS > 2u) {
      x2 = advance(x2, factor, term);
      x3 = advance(x3, factor, term);
    }
    if (CHAINS > 4u) {
      x4 = advance(x4, factor, term);
      x5 = advance(x5, factor, term);
      x6 = advance(x6, factor, term);
      x7 = advance(x7, factor, term);
    }
  }
  y[id.x] = dot(x0 + x1 + x2 + x3 + x4 + x5 + x6 + x7, vec4<f32>(1.0));
}
