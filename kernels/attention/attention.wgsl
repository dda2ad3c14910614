// attention — softmax of scaled products of queries and keys, times the values; nothing of size
// queries × keys leaves the workgroup.
//
//   s[i,j] = scale · Σ_c q[i,c] · k[j,c]           with CAUSAL only j ≤ i takes part
//   lse[i] = log Σ_j exp(s[i,j])
//   y[i,c] = Σ_j exp(s[i,j] − lse[i]) · v[j,c]     for each batch element b and head h
//
//   q    f32[B, queries, heads, width · VECTOR]    rows (b, i) lie `q_row` Vectors apart
//   k, v f32[B, keys, heads, width · VECTOR]       rows (b, j) lie `kv_row` apart and start at
//                                                  `k_start`, `v_start`: packed qkv bound thrice
//   y    f32[B, queries, heads, width · VECTOR]
//   lse  f32[B, queries, heads]                    saved for the gradients
//
// One workgroup per 4 · QUADS queries of one (b, h). A thread makes 4 × 4 scores, then (one per
// four queries) their softmax, then four queries' VECTOR columns: few registers, few loads, two
// barriers. The largest score of a row is subtracted before exp. Sums are in the order of the keys;
// error: about keys units in the last place of the sum of magnitudes.
//
// Source: Dao et al. 2022, arXiv:2205.14135, §3.1, with all keys in one tile.

const WG: u32 = 16; // threads per workgroup
const VECTOR: u32 = 1; // elements of a Vector
const QUADS: u32 = 4; // fours of rows per workgroup
const SPAN: u32 = 16; // queries and keys at most; a multiple of 4
const CAUSAL: u32 = 0; // 1: query i sees the keys j ≤ i
alias Vector = f32;
const LOWEST: f32 = -3.4e38; // score of a key that takes no part

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
@group(0) @binding(4) var<storage, read_write> y: array<Vector>;
@group(0) @binding(5) var<storage, read_write> lse: array<f32>;

var<workgroup> weight: array<vec4<f32>, SPAN * QUADS>; // [key, quad], of the quad's four queries
var<workgroup> inverse: array<vec4<f32>, QUADS>;

// Scores of the four queries from i on with the four keys from j on.
fn score(place: Place, i: u32, j: u32, quad: u32) {
  let start = place.h * params.width;
  let a = attention_rows(place.b, i, params.queries) * params.q_row + start;
  let b = attention_rows(place.b, j, params.keys) * params.kv_row + start + params.k_start;
  var s: array<vec4<f32>, 4>;
  for (var c = 0u; c < params.width; c++) {
    let q0 = q[a.x + c];
    let q1 = q[a.y + c];
    let q2 = q[a.z + c];
    let q3 = q[a.w + c];
    s[0] += vector_dots(q0, q1, q2, q3, k[b.x + c]);
    s[1] += vector_dots(q0, q1, q2, q3, k[b.y + c]);
    s[2] += vector_dots(q0, q1, q2, q3, k[b.z + c]);
    s[3] += vector_dots(q0, q1, q2, q3, k[b.w + c]);
  }
  let row = i + vec4<u32>(0u, 1u, 2u, 3u);
  for (var t = 0u; t < 4u; t++) {
    let hidden = vec4<bool>(CAUSAL == 1u) & (vec4<u32>(j + t) > row);
    weight[(j + t) * QUADS + quad] = select(s[t] * params.scale, vec4<f32>(LOWEST), hidden);
  }
}

// Scores to exp(score − largest), for the four queries from i on.
fn soften(place: Place, i: u32, quad: u32) {
  var top = vec4<f32>(LOWEST);
  for (var j = 0u; j < params.keys; j++) {
    top = max(top, weight[j * QUADS + quad]);
  }
  var total = vec4<f32>(0.0);
  for (var j = 0u; j < params.keys; j++) {
    let e = exp(weight[j * QUADS + quad] - top);
    weight[j * QUADS + quad] = e;
    total += e;
  }
  inverse[quad] = 1.0 / total;
  let row_lse = top + log(total);
  for (var t = 0u; t < 4u; t++) {
    if (i + t < params.queries) {
      lse[(place.b * params.queries + i + t) * params.heads + place.h] = row_lse[t];
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
  let fours = (params.keys + 3u) / 4u;
  for (var task = thread; task < QUADS * fours; task += WG) {
    score(place, place.first + task % QUADS * 4u, task / QUADS * 4u, task % QUADS);
  }
  workgroupBarrier();
  for (var quad = thread; quad < QUADS; quad += WG) {
    soften(place, place.first + quad * 4u, quad);
  }
  workgroupBarrier();
  for (var task = thread; task < QUADS * params.width; task += WG) {
    let quad = task / params.width;
    let column = place.h * params.width + task % params.width;
    var at = place.b * params.keys * params.kv_row + params.v_start + column;
    var sum = array<Vector, 4>();
    for (var j = 0u; j < params.keys; j++) {
      let w = weight[j * QUADS + quad];
      let value = v[at];
      sum[0] += w.x * value;
      sum[1] += w.y * value;
      sum[2] += w.z * value;
      sum[3] += w.w * value;
      at += params.kv_row;
    }
    for (var t = 0u; t < 4u; t++) {
      let i = place.first + quad * 4u + t;
      if (i < params.queries) {
        let row = (place.b * params.queries + i) * params.heads * params.width;
        y[row + column] = sum[t] * inverse[quad][t];
      }
    }
  }
}
