// contrastive_loss — log-sum-exp of every row of a matrix of scaled similarities, part by part.
//
//   z[m,n]             = exp(log_scale) · Σ_e own[m,e] · others[n,e]
//   lse[side, part, m] = log Σ_n exp(z[m,n])    n = part · span … min((part + 1) · span, B) − 1
//
//   own, others  f32[B, E]    images and texts for the rows (side 0), texts and images for the
//                             columns (side 1) of the matrix that images span with texts
//   log_scale    f32[1]
//   lse          f32[2, parts, B]    one side of it is written; contrastive_loss_terms joins parts
//
// z is never written. A workgroup takes its rows through one part like a tile of a matrix product
// through the columns: each thread keeps a tile of sums in registers, then the largest z so far of
// its rows and the sum of exponentials below it, which shrinks where the largest grows. The threads
// that share a row are joined in the end: in workgroup memory (row_lse_tile, on product_shared) or,
// where subgroups are narrow, by subgroup operations (row_lse_subgroup, on product_subgroup).
//
// Error of lse: that of a z, exp(log_scale) · E units in the last place of Σ_e |own · others|, and
// about span / COLS units in the last place of the sum, both as they are.
//
// Source: Radford et al. 2021, arXiv:2103.00020, figure 3; Milakov & Gimelshein 2018,
// arXiv:1805.02867, alg. 3.

const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;
const LOWEST: f32 = -3.4e38; // z of a column that takes no part

struct Params { B: u32, E: u32, span: u32 /* columns of a part */, side: u32 }

@group(0) @binding(0) var<uniform> uniforms: Params;
@group(0) @binding(1) var<storage, read> own: array<Vector>;
@group(0) @binding(2) var<storage, read> others: array<Vector>;
@group(0) @binding(3) var<storage, read> log_scale: array<f32>;
@group(0) @binding(4) var<storage, read_write> lse: array<f32>;

var<private> params: Params; // a copy: some drivers load a uniform at every use
var<private> scale: f32;

// A part of the columns, and the terms of a product: the same for all threads of a workgroup.
struct Part { index: u32, begin: u32, end: u32, terms: u32 }

// Of four rows: the largest z so far, and Σ exp(z − top).
struct Running { top: vec4<f32>, sum: vec4<f32> }

const NOTHING = Running(vec4(LOWEST), vec4(0.0));

// Take four columns of four rows in, those that exist. Where none did so far the sum counts some
// that do not: a row's first that does makes exp(LOWEST − top) = 0 of it, here or in the end.
fn take(so_far: Running, quad: Quad, exist: vec4<bool>) -> Running {
  let z = scale * transpose(mat4x4<f32>(quad[0], quad[1], quad[2], quad[3])); // by columns
  let z0 = select(vec4(LOWEST), z[0], exist[0]);
  let z1 = select(vec4(LOWEST), z[1], exist[1]);
  let z2 = select(vec4(LOWEST), z[2], exist[2]);
  let z3 = select(vec4(LOWEST), z[3], exist[3]);
  let top = max(so_far.top, max(max(z0, z1), max(z2, z3)));
  let sum = (exp(z0 - top) + exp(z1 - top)) + (exp(z2 - top) + exp(z3 - top));
  return Running(top, fma(so_far.sum, exp(so_far.top - top), sum));
}

fn write_four(m: u32, part: u32, rows: Running) {
  let parts = (params.B + params.span - 1u) / params.span;
  let at = (params.side * parts + part) * params.B + m;
  let values = rows.top + log(rows.sum);
  for (var i = 0u; i < 4u; i++) {
    if (m + i < params.B) {
      lse[at + i] = values[i];
    }
  }
}

@compute @workgroup_size(WGX, WGY)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) thread: vec3<u32>) {
  params = uniforms;
  scale = exp(log_scale[0]);
  let begin = group.y * uniforms.span;
  let end = min(begin + uniforms.span, uniforms.B);
  stream_rows(group.x * HEIGHT, Part(group.y, begin, end, uniforms.E), thread.xy);
}
