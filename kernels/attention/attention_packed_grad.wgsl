// attention_packed_grad — the cotangent of packed q, k and v; the formula is in attention_cotangents.
//
//   q, k, v    as in attention, one buffer bound thrice; queries = keys, q_row = kv_row
//   dqkv       f32[B, keys, 3, heads, width · VECTOR]    laid out like it
//   dy         f32[B, queries, heads, width · VECTOR]
//   lse, delta f32[B, queries, heads]
//
// One workgroup per 4 · QUADS tokens of one batch element and head, as queries in workgroups of even
// number and as keys in the others: both kinds write one buffer, which two dispatches could not.
// Error as in attention.
//
// Source: Dao et al. 2022, arXiv:2205.14135, §B.2.

const WG: u32 = 32; // threads per workgroup
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
@group(0) @binding(7) var<storage, read_write> dqkv: array<Vector>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = linear_workgroup(group, groups);
  let place = attention_place(index / 2u, params.keys);
  if (!place.exists) {
    return; // uniform over the workgroup
  }
  let as_keys = index % 2u == 1u;
  attention_slopes(place, as_keys, thread);
  workgroupBarrier();
  for (var task = thread; task < QUADS * params.width; task += WG) {
    let quad = task / params.width;
    let c = task % params.width;
    let first = place.first + quad * 4u;
    let at = (place.b * params.keys + first) * params.kv_row + place.h * params.width + c;
    if (as_keys) {
      let rows = key_cotangents(place, quad, c);
      for (var t = 0u; t < 4u; t++) {
        if (first + t < params.keys) {
          dqkv[params.k_start + at + t * params.kv_row] = rows.dk[t];
          dqkv[params.v_start + at + t * params.kv_row] = rows.dv[t];
        }
      }
    } else {
      let rows = query_cotangents(place, quad, c);
      for (var t = 0u; t < 4u; t++) {
        if (first + t < params.keys) {
          dqkv[at + t * params.kv_row] = rows[t];
        }
      }
    }
  }
}
