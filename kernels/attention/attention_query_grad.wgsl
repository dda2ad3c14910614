// attention_query_grad — the cotangent of attention's q; the formula is in attention_slopes.
//
//   q, k, v    as in attention
//   dy, dq     f32[B, queries, heads, width · VECTOR]
//   lse, delta f32[B, queries, heads]
//
// One workgroup per 4 · QUADS queries of one batch element and head; error as in attention.
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
@group(0) @binding(7) var<storage, read_write> dq: array<Vector>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let place = attention_place(linear_workgroup(group, groups), params.queries);
  if (!place.exists) {
    return; // uniform over the workgroup
  }
  attention_slopes(place, false, thread);
  workgroupBarrier();
  for (var task = thread; task < QUADS * params.width; task += WG) {
    let quad = task / params.width;
    let c = task % params.width;
    var at = place.b * params.keys * params.kv_row + params.k_start + place.h * params.width + c;
    var sum = array<Vector, 4>();
    for (var j = 0u; j < params.keys; j++) {
      let ds = slopes_ds[j * QUADS + quad];
      let key = k[at];
      sum[0] += ds.x * key;
      sum[1] += ds.y * key;
      sum[2] += ds.z * key;
      sum[3] += ds.w * key;
      at += params.kv_row;
    }
    for (var t = 0u; t < 4u; t++) {
      let i = place.first + quad * 4u + t;
      if (i < params.queries) {
        dq[((place.b * params.queries + i) * params.heads + place.h) * params.width + c] = sum[t];
      }
    }
  }
}
