// contrastive_loss — log-sum-exp of all rows and all columns of a matrix of scaled similarities,
// part by part.
//
//   z[m,n]              = exp(log_scale) · Σ_e images[m,e] · texts[n,e]
//   parts[c, m]         = log Σ_n exp(z[m,n])    c · across ≤ n < (c + 1) · across
//   parts[C + r, n]     = log Σ_m exp(z[m,n])    r · down   ≤ m < (r + 1) · down
//
//   images, texts  f32[B, E], or f16 each
//   log_scale      f32[1]
//   ids            u32[B]           EXCLUDE 1: (m, n) of one id, m ≠ n, are in no sum
//   parts          f32[C + R, B]    C = ceil(B / across), R = ceil(B / down): those of rows, then
//                                   those of columns; contrastive_loss_terms joins them
//
// z is never written. A workgroup takes its rows through one part like a tile of a matrix product
// through the columns: each thread keeps a tile of sums in registers, then the largest z so far of
// its rows and the sum of exponentials below it, which shrinks where the largest grows. Columns are
// done with the tile. The threads that share a line are joined in workgroup memory (both_lse_tile,
// on product_shared) or, where subgroups are narrow, by subgroup operations (both_lse_subgroup).
//
// Error of a part: that of a z, exp(log_scale) · E units in the last place of Σ_e |images · texts|,
// a few units in the last place of the largest z, and across (down) of the sum.
//
// Source: Radford et al. 2021, arXiv:2103.00020, figure 3; Milakov & Gimelshein 2018,
// arXiv:1805.02867, alg. 3.

const EXCLUDE: u32 = 0; // 1: pairs of one id take no part, but for each with itself
const VECTOR: u32 = 1; // elements of VectorImages and VectorTexts (similarity)
const LOWEST: f32 = -3.4e38; // z where there is none: its exponential is 0

struct Params {
  B: u32, E: u32,
  across: u32, // columns in a part of a row: a multiple of every tile's
  down: u32, // rows in a part of a column: a divisor of every tile's
}

@group(0) @binding(0) var<uniform> uniforms: Params;
@group(0) @binding(1) var<storage, read> images: array<VectorImages>;
@group(0) @binding(2) var<storage, read> texts: array<VectorTexts>;
@group(0) @binding(3) var<storage, read> log_scale: array<f32>;
@group(0) @binding(4) var<storage, read> ids: array<u32>;
@group(0) @binding(5) var<storage, read_write> parts: array<f32>;

var<private> params: Params; // a copy: some drivers load a uniform at every use
var<private> scale: f32;

// A part of the columns, and the terms of a product: the same for all threads of a workgroup.
struct Part { index: u32, begin: u32, end: u32, terms: u32 }

// Of four lines: the largest z so far, and Σ exp(z − top).
struct Running { top: vec4<f32>, sum: vec4<f32> }

const NOTHING = Running(vec4(LOWEST), vec4(1.0)); // e^LOWEST = 0

// Take a z of four others in, of those that exist. While none did, the sum counts what does not:
// the first that does makes nothing of it, since e^(LOWEST − top) = 0.
fn take(so_far: Running, z: mat4x4<f32>, exist: vec4<bool>) -> Running {
  let z0 = select(vec4(LOWEST), z[0], exist[0]);
  let z1 = select(vec4(LOWEST), z[1], exist[1]);
  let z2 = select(vec4(LOWEST), z[2], exist[2]);
  let z3 = select(vec4(LOWEST), z[3], exist[3]);
  let top = max(so_far.top, max(max(z0, z1), max(z2, z3)));
  let sum = (exp(z0 - top) + exp(z1 - top)) + (exp(z2 - top) + exp(z3 - top));
  return Running(top, fma(so_far.sum, exp(so_far.top - top), sum));
}

// A row of a quad without the columns n that share the id of m.
fn admitted(z: vec4<f32>, m: u32, n: vec4<u32>) -> vec4<f32> {
  let at = min(n, vec4(params.B - 1u));
  let own = vec4(ids[min(m, params.B - 1u)]);
  let same = vec4(ids[at.x], ids[at.y], ids[at.z], ids[at.w]) == own;
  return select(z, vec4(LOWEST), same & (n != vec4(m)));
}

// Take a quad of similarities in, of rows m and columns n, by its rows and by its columns.
fn take_both(
  quad: Quad, rows: ptr<function, Running>, columns: ptr<function, Running>,
  m: vec4<u32>, n: vec4<u32>, columns_end: u32,
) {
  var z = scale * mat4x4<f32>(quad[0], quad[1], quad[2], quad[3]);
  if (EXCLUDE == 1u) {
    z = mat4x4<f32>(
      admitted(z[0], m.x, n), admitted(z[1], m.y, n),
      admitted(z[2], m.z, n), admitted(z[3], m.w, n),
    );
  }
  *rows = take(*rows, transpose(z), n < vec4(columns_end));
  *columns = take(*columns, z, m < vec4(params.B));
}

fn write_four(line: u32, first: u32, step: u32, found: Running) {
  let values = found.top + log(found.sum);
  for (var i = 0u; i < 4u; i++) {
    if (first + i * step < params.B) {
      parts[line * params.B + first + i * step] = values[i];
    }
  }
}

// A tile's rows, from m on, may be several parts of its columns: all is in the first of them.
fn write_columns(m: u32, n: u32, step: u32, found: Running) {
  let first = (params.B + params.across - 1u) / params.across;
  for (var row = m; row < min(m + HEIGHT, params.B); row += params.down) {
    let top = select(vec4(LOWEST), found.top, row == m);
    write_four(first + row / params.down, n, step, Running(top, found.sum));
  }
}

@compute @workgroup_size(WGX, WGY)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) thread: vec3<u32>) {
  params = uniforms;
  scale = exp(log_scale[0]);
  let begin = group.y * uniforms.across;
  let end = min(begin + uniforms.across, uniforms.B);
  stream(group.x * HEIGHT, Part(group.y, begin, end, uniforms.E), thread.xy);
}
