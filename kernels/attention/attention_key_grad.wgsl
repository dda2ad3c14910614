// attention_key_grad — the cotangents of attention's k and v; the formula is in attention_slopes.
//
//   q, k, v    as in attention
//   dk, dv     f32[B, keys, heads, width · VECTOR]
//   dy         f32[B, queries, heads, width · VECTOR]
//   lse, delta f32[B, queries, heads]
//
// One workgroup per 4 · QUADS keys of one batch element and head; error as in attention.
//
// Source: Dao et al. 2022, arXiv:2205.14135, §B.2.

const WG: u32 = 16; // threads per workgroup
const VECTOR: u32 = 1; // elements of a Vector
const QUADS: u32 = 4; // fours of rows per workgroup
const SPAN: u32 = 16; // queries and keys at most; a multiple of 4
const CAUSAL: u32 = 0; // 1: query i sees the keys j ≤ i
alias Vector = f32;

struct Params {
  pairs: u32, // batch elements · heads
  heads: u32,
  queries: u32,
  keys: u32,
  width: u32, // Vectors of a head
  q_row: u32, // in Vectors, as all that follow
  kv_row: u32,
  k_start: u32,
  v_start: u32,
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<Vector>;
@group(0) @binding(2) var<storage, read> k: array<Vector>;
@group(0) @binding(3) var<storage, read> v: array<Vector>;
@group(0) @binding(4) var<storage, read> dy: array<Vector>;
@group(0) @binding(5) var<storage, read> lse: array<f32>;
@group(0) @binding(6) var<storage, read> delta: array<f32>;
@group(0) @binding(7) var<storage, read_write> dk: array<Vector>;
@group(0) @binding(8) var<storage, read_write> dv: array<Vector>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let place = attention_place(linear_workgroup(group, groups), params.keys);
  if (!place.exists) {
    return; // uniform over the workgroup
  }
  attention_slopes(place, true, thread);
  workgroupBarrier();
  for (var task = thread; task < QUADS * params.width; task += WG) {
    let quad = task / params.width;
    let c = task % params.width;
    let start = place.h * params.width + c;
    var sum_k = array<Vector, 4>();
    var sum_v = array<Vector, 4>();
    for (var i = 0u; i < params.queries; i++) {
      let row = place.b * params.queries + i;
      let query = q[row * params.q_row + start];
      let slope = dy[row * params.heads * params.width + start];
      let ds = slopes_ds[i * QUADS + quad];
      let p = slopes_p[i * QUADS + quad];
      for (var t = 0u; t < 4u; t++) {
        sum_k[t] += ds[t] * query;
        sum_v[t] += p[t] * slope;
      }
    }
    for (var t = 0u; t < 4u; t++) {
      let j = place.first + quad * 4u + t;
      let at = ((place.b * params.keys + j) * params.heads + place.h) * params.width + c;
      if (j < params.keys) {
        dk[at] = sum_k[t];
        dv[at] = sum_v[t];
      }
    }
  }
}
