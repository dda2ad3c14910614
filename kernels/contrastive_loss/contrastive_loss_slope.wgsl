// contrastive_loss_slope — the loss's cotangents of the similarities of some images with all texts.
//
//   s[i,j]     = Σ_e images[i,e] · texts[j,e]                z[i,j] = exp(log_scale) · s[i,j]
//   g[i,j]     = exp(z − lse[i]) + exp(z − lse[B + j]) − 2 · positive[i,j]
//   positive   = share[i] where ids[i] = ids[j], else 0
//   with EXCLUDE 1, g[i,j] = 0 where ids[i] = ids[j], i ≠ j
//   slope[m,j] = ∂loss/∂s[i,j] = exp(log_scale) · dloss / (2 B) · g[i,j]      i = first + m
//   with SIDES 1, g[i,j] = exp(z − lse[i]) − positive[i,j], and B stands for 2 B
//
//   images, texts     f32[B, E], or f16 each
//   log_scale, dloss  f32[1]
//   ids               u32[B]
//   share, lse        f32[B], f32[2 B]    of contrastive_loss_terms
//   slope             f32[rows, B]     a slab of the square matrix, which as a whole would not fit
//
// One workgroup per tile; s is made again as contrastive_loss made it. P(i) = P(j) where ids agree,
// so one share serves both directions. Error of exp(z − lse): that of its exponent.
//
// Source: derived from contrastive_loss_terms.wgsl.

const EXCLUDE: u32 = 0; // 1: pairs of one id take no part, but for each with itself
const SIDES: u32 = 2; // 1: only each image among the texts
const VECTOR: u32 = 1; // elements of VectorImages and VectorTexts (similarity)

struct Params { B: u32, E: u32, first: u32, rows: u32 }

@group(0) @binding(0) var<uniform> uniforms: Params;
@group(0) @binding(1) var<storage, read> images: array<VectorImages>;
@group(0) @binding(2) var<storage, read> texts: array<VectorTexts>;
@group(0) @binding(3) var<storage, read> log_scale: array<f32>;
@group(0) @binding(4) var<storage, read> ids: array<u32>;
@group(0) @binding(5) var<storage, read> share: array<f32>;
@group(0) @binding(6) var<storage, read> lse: array<f32>;
@group(0) @binding(7) var<storage, read> dloss: array<f32>;
@group(0) @binding(8) var<storage, read_write> slope: array<f32>;

var<private> params: Params; // a copy: some drivers load a uniform at every use
var<private> scale: f32;
var<private> weight: f32; // of g in slope

fn store_four(i: u32, first: u32, step: u32, values: vec4<f32>) {
  if (i >= params.first + params.rows) {
    return;
  }
  let row_lse = lse[i];
  let id = ids[i];
  let own_share = share[i];
  for (var c = 0u; c < STORED; c++) {
    let j = first + c * step;
    if (j < params.B) {
      let z = scale * values[c];
      let positive = select(0.0, own_share, ids[j] == id);
      let column = select(exp(z - lse[params.B + j]), 0.0, SIDES == 1u);
      let g = exp(z - row_lse) + column - f32(SIDES) * positive;
      let excluded = EXCLUDE == 1u && ids[j] == id && i != j;
      slope[(i - params.first) * params.B + j] = select(weight * g, 0.0, excluded);
    }
  }
}

@compute @workgroup_size(WGX, WGY)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_id) thread: vec3<u32>,
) {
  params = uniforms;
  scale = exp(log_scale[0]);
  weight = scale * dloss[0] / f32(SIDES * uniforms.B);
  let across = (uniforms.B + WIDTH - 1u) / WIDTH;
  let index = linear_workgroup(group, groups);
  let corner = vec2(uniforms.first + index / across * HEIGHT, index % across * WIDTH);
  store_tile(corner, multiply(corner, Span(0u, 1u, 0u, uniforms.E), thread.xy), thread.xy);
}
