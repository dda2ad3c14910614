// attention — softmax of scaled products of queries and keys, times the values; no score leaves its
// thread.
//
//   s[i,j] = scale · Σ_c q[i,c] · k[j,c]           with CAUSAL only j ≤ i takes part
//   lse[i] = log Σ_j exp(s[i,j])
//   y[i,c] = Σ_j exp(s[i,j] − lse[i]) · v[j,c]     for each batch element b and head h
//
//   q    f32[B, queries, heads, WIDTH · VECTOR]    rows (b, i) lie `q_step` Vectors apart
//   k, v f32[B, keys, heads, WIDTH · VECTOR]       rows (b, j) lie `kv_step` apart and start at
//                                                  `k_start`, `v_start`: packed qkv bound thrice
//   y    f32[B, queries, heads, WIDTH · VECTOR]
//   lse  f32[B, queries, heads]                    saved for the gradients
//
// A workgroup has BLOCK queries of one (b, h) and their rows of y in registers and meets the same
// keys (attention_rows), four at a time; each query's scores are one thread's. The largest score so
// far is subtracted before exp; where it grows, the sums shrink. Sums are in the order of the keys;
// error: about keys units in the last place of the sum of magnitudes.
//
// Source: Milakov & Gimelshein 2018, arXiv:1805.02867, alg. 3; Dao et al. 2022, arXiv:2205.14135.

const WG: u32 = 64; // threads per workgroup
const VECTOR: u32 = 1; // elements of a Vector
const WIDTH: u32 = 1; // Vectors of a head
const CAUSAL: u32 = 0; // 1: query i sees the keys j ≤ i
alias Vector = f32;
const LOWEST: f32 = -3.4e38; // score of a key that takes no part

struct Params {
  pairs: u32, // batch elements · heads
  heads: u32,
  queries: u32,
  keys: u32,
  q_step: u32, // in Vectors, as all that follow
  kv_step: u32,
  k_start: u32,
  v_start: u32,
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<Vector>;
@group(0) @binding(2) var<storage, read> k: array<Vector>;
@group(0) @binding(3) var<storage, read> v: array<Vector>;
@group(0) @binding(4) var<storage, read_write> y: array<Vector>;
@group(0) @binding(5) var<storage, read_write> lse: array<f32>;

fn element(which: u32, at: u32) -> Vector {
  if (which == 0u) {
    return q[at];
  }
  if (which == 1u) {
    return k[at];
  }
  return v[at];
}

fn put(at: u32, x: Vector) {
  y[at] = x;
}

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
  let queries = params.queries;
  let keys = params.keys;
  let scale = params.scale;
  let all_q = operand_at(0u, place, queries, params.q_step, 0u);
  let all_k = operand_at(1u, place, keys, params.kv_step, params.k_start);
  let all_v = operand_at(2u, place, keys, params.kv_step, params.v_start);
  var own = fetch(all_q, place.first, queries, thread);
  var top = LOWEST;
  var total = 0.0;
  var sums = Rows();
  let i = place.first + row_of(thread);
  let seen = select(keys, min(i + 1u, keys), CAUSAL == 1u);
  let end = select(keys, min(place.first + BLOCK, keys), CAUSAL == 1u);
  for (var j = 0u; j < end; j += 4u) {
    let key = vec4<u32>(0u, 1u, 2u, 3u) + j;
    let at = min(key, vec4(keys - 1u)); // those beyond have no weight
    let s0 = products(&own, meet(all_k, at.x, thread), thread);
    let s1 = products(&own, meet(all_k, at.y, thread), thread);
    let s2 = products(&own, meet(all_k, at.z, thread), thread);
    let s3 = products(&own, meet(all_k, at.w, thread), thread);
    let s = select(vec4(LOWEST), scale * vec4(s0, s1, s2, s3), key < vec4(seen));
    let higher = max(top, max(max(s.x, s.y), max(s.z, s.w)));
    let shrink = exp(top - higher);
    let weights = exp(s - higher);
    top = higher;
    total = total * shrink + dot(weights, vec4(1.0));
    scale_rows(&sums, shrink);
    add_weighted(&sums, weights.x, meet(all_v, at.x, thread), thread);
    add_weighted(&sums, weights.y, meet(all_v, at.y, thread), thread);
    add_weighted(&sums, weights.z, meet(all_v, at.z, thread), thread);
    add_weighted(&sums, weights.w, meet(all_v, at.w, thread), thread);
  }
  scale_rows(&sums, 1.0 / total);
  let heads = params.heads;
  store(&sums, operand_at(0u, place, queries, heads * WIDTH, 0u), place.first, queries, thread);
  if (thread < BLOCK && i < queries) {
    lse[(place.b * queries + i) * heads + place.h] = top + log(total);
  }
}
