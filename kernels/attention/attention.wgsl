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
// A thread has ROWS queries of one (b, h) and their rows of y in registers; all threads of a
// workgroup meet the same keys (attention_others), four at a time. The largest score so far is
// subtracted before exp; where it grows, the sums shrink. Sums are in the order of the keys; error:
// about keys units in the last place of the sum of magnitudes.
//
// Source: Milakov & Gimelshein 2018, arXiv:1805.02867, alg. 3; Dao et al. 2022, arXiv:2205.14135.

const WG: u32 = 64; // threads per workgroup
const ROWS: u32 = 1; // queries of a thread
const VECTOR: u32 = 1; // elements of a Vector
const WIDTH: u32 = 1; // Vectors of a head
const CAUSAL: u32 = 0; // 1: query i sees the keys j ≤ i
alias Vector = f32;
const LOWEST: f32 = -3.4e38; // score of a key that takes no part

struct Params {
  pairs: u32, // batch elements · heads
  heads: u32,
  width: u32, // Vectors of a head
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

fn other(which: u32, at: u32) -> Vector {
  if (which == 0u) {
    return k[at];
  }
  return v[at];
}

// The scores of the thread's queries with the four keys from j on.
fn score(
  place: Place, thread: u32, j: u32,
  own: ptr<function, Rows>, s: ptr<function, array<vec4<f32>, ROWS>>,
) {
  for (var t = 0u; t < 4u; t++) {
    let key = min(j + t, params.keys - 1u);
    let at = (place.b * params.keys + key) * params.kv_step + params.k_start + place.column;
    var products = array<Vector, ROWS>();
    add_products(&products, own, 0u, at, thread);
    for (var r = 0u; r < ROWS; r++) {
      let end = select(params.keys, min(row_at(place, r, thread) + 1u, params.keys), CAUSAL == 1u);
      let found = select(LOWEST, params.scale * vector_dot(products[r], Vector(1.0)), j + t < end);
      (*s)[r] = select((*s)[r], vec4(found), vec4(t) == vec4(0u, 1u, 2u, 3u));
    }
  }
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
  var own: Rows;
  for (var r = 0u; r < ROWS; r++) {
    let i = place.b * params.queries + min(row_at(place, r, thread), params.queries - 1u);
    for (var c = 0u; c < width(); c++) {
      own[r][c] = q[i * params.q_step + place.column + c];
    }
  }
  var top: array<f32, ROWS>;
  var total: array<f32, ROWS>;
  var sums: Rows;
  let end = select(params.keys, min(place.first + WG * ROWS, params.keys), CAUSAL == 1u);
  for (var j = 0u; j < end; j += 4u) {
    var s = array<vec4<f32>, ROWS>();
    score(place, thread, j, &own, &s);
    for (var r = 0u; r < ROWS; r++) {
      let most = max(max(s[r].x, s[r].y), max(s[r].z, s[r].w));
      let higher = select(max(top[r], most), most, j == 0u);
      let shrink = select(exp(top[r] - higher), 0.0, j == 0u);
      s[r] = exp(s[r] - higher);
      top[r] = higher;
      total[r] = total[r] * shrink + dot(s[r], vec4(1.0));
      for (var c = 0u; c < WIDTH; c++) {
        sums[r][c] *= shrink;
      }
    }
    for (var t = 0u; t < 4u; t++) {
      let key = min(j + t, params.keys - 1u); // its weight is 0 beyond them
      let at = (place.b * params.keys + key) * params.kv_step + params.v_start + place.column;
      var weights: array<f32, ROWS>;
      for (var r = 0u; r < ROWS; r++) {
        weights[r] = s[r][t];
      }
      add_weighted(&sums, &weights, 1u, at, thread);
    }
  }
  for (var r = 0u; r < ROWS; r++) {
    let i = row_at(place, r, thread);
    if (i < params.queries) {
      let row = (place.b * params.queries + i) * params.heads + place.h;
      lse[row] = top[r] + log(total[r]);
      for (var c = 0u; c < width(); c++) {
        y[row * WIDTH + c] = sums[r][c] * (1.0 / total[r]);
      }
    }
  }
}
