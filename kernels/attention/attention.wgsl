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
//   y    f32[B, queries, heads, WIDTH · VECTOR]    q, k, v and y or f16 each
//   lse  f32[B, queries, heads]                    saved for the gradients
//
// A workgroup has WG queries of one (b, h) and their rows of y in registers and meets the same keys
// (attention_rows), KEYS at a time; each query's scores are one thread's. The largest score so far
// is subtracted before exp; where it grows, the sums shrink. Sums are in the order of the keys;
// error: about keys units in the last place of the sum of magnitudes.
//
// Source: Milakov & Gimelshein 2018, arXiv:1805.02867, alg. 3; Dao et al. 2022, arXiv:2205.14135.

const WG: u32 = 64; // threads and queries of a workgroup
const KEYS: u32 = 4; // scored before their values are added: 4 or 1
const VECTOR: u32 = 1; // elements of a Vector
const WIDTH: u32 = 1; // Vectors of a head
const CAUSAL: u32 = 0; // 1: query i sees the keys j ≤ i
alias Vector = f32;
const ELEMENT_Q: u32 = 32; // bits of an element of q: 16 where it is f16
alias ElemQ = f32;
alias VectorQ = ElemQ;
const ELEMENT_K: u32 = 32; // bits of an element of k: 16 where it is f16
alias ElemK = f32;
alias VectorK = ElemK;
const ELEMENT_V: u32 = 32; // bits of an element of v: 16 where it is f16
alias ElemV = f32;
alias VectorV = ElemV;
const ELEMENT_Y: u32 = 32; // bits of an element of y: 16 where it is f16
alias ElemY = f32;
alias VectorY = ElemY;
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
@group(0) @binding(1) var<storage, read> q: array<VectorQ>;
@group(0) @binding(2) var<storage, read> k: array<VectorK>;
@group(0) @binding(3) var<storage, read> v: array<VectorV>;
@group(0) @binding(4) var<storage, read_write> y: array<VectorY>;
@group(0) @binding(5) var<storage, read_write> lse: array<f32>;

fn element(which: u32, at: u32) -> Vector {
  if (which == 0u) {
    return Vector(q[at]);
  }
  if (which == 1u) {
    return Vector(k[at]);
  }
  return Vector(v[at]);
}

fn put(at: u32, x: Vector) {
  y[at] = VectorY(rounded(x, ELEMENT_Y));
}

// Keys past the last are the last here, and get no weight.
fn key_at(j: u32) -> u32 {
  return min(j, params.keys - 1u);
}

fn score(own: ptr<function, Rows>, keys: Operand, j: u32, thread: u32) -> f32 {
  return products(own, meet(keys, key_at(j), thread), thread);
}

fn add_key(sums: ptr<function, Rows>, weight: f32, values: Operand, j: u32, thread: u32) {
  add_weighted(sums, weight, meet(values, key_at(j), thread), thread);
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
  let i = place.first + thread;
  let seen = select(keys, min(i + 1u, keys), CAUSAL == 1u);
  let end = select(keys, min(place.first + WG, keys), CAUSAL == 1u);
  for (var j = 0u; j < end; j += KEYS) {
    let s0 = select(LOWEST, scale * products(&own, meet(all_k, j, thread), thread), j < seen);
    var s = vec3(LOWEST);
    if (KEYS == 4u) {
      s.x = score(&own, all_k, j + 1u, thread);
      s.y = score(&own, all_k, j + 2u, thread);
      s.z = score(&own, all_k, j + 3u, thread);
      s = select(vec3(LOWEST), scale * s, vec3<u32>(1u, 2u, 3u) + j < vec3(seen));
    }
    let higher = max(max(top, s0), max(max(s.x, s.y), s.z));
    let shrink = exp(top - higher);
    let weight = exp(s0 - higher);
    total = total * shrink + weight;
    top = higher;
    scale_rows(&sums, shrink);
    add_weighted(&sums, weight, meet(all_v, j, thread), thread);
    if (KEYS == 4u) {
      let weights = exp(s - higher);
      total += weights.x + weights.y + weights.z;
      add_key(&sums, weights.x, all_v, j + 1u, thread);
      add_key(&sums, weights.y, all_v, j + 2u, thread);
      add_key(&sums, weights.z, all_v, j + 3u, thread);
    }
  }
  scale_rows(&sums, 1.0 / total);
  let heads = params.heads;
  store(&sums, operand_at(0u, place, queries, heads * WIDTH, 0u), place.first, queries, thread);
  if (i < queries) {
    lse[(place.b * queries + i) * heads + place.h] = top + log(total);
  }
}
