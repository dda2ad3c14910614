// attention_packed_grad — the cotangent of packed q, k and v; the formula is in attention_slopes.
//
//   q, k, v    as in attention, one buffer bound thrice; queries = keys, q_row = kv_row
//   dqkv       f32[B, keys, 3, heads, width · VECTOR]    laid out like it
//   dy         f32[B, queries, heads, width · VECTOR]
//   lse, delta f32[B, queries, heads]
//
// One workgroup per 4 · QUADS tokens of one batch element and head, as queries in workgroups of
// even number and as keys in the others: both kinds write one buffer, which two dispatches could
// not. With WHOLE, one workgroup has all tokens of a pair, and makes all three parts of the same
// slopes. Error as in attention.
//
// Source: Dao et al. 2022, arXiv:2205.14135, §B.2.

const WG: u32 = 16; // threads per workgroup
const VECTOR: u32 = 1; // elements of a Vector
const QUADS: u32 = 4; // fours of rows per workgroup
const SPAN: u32 = 16; // queries and keys at most; a multiple of 4
const CAUSAL: u32 = 0; // 1: query i sees the keys j ≤ i
const WHOLE: u32 = 0; // 1: 4 · QUADS ≥ keys
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

// Store one column of four rows, of which the first lies at `at` and is token `first`.
fn store(at: u32, first: u32, rows: array<Vector, 4>) {
  for (var t = 0u; t < 4u; t++) {
    if (first + t < params.keys) {
      dqkv[at + t * params.kv_row] = rows[t];
    }
  }
}

// Σ_j ds[i,j] · k[j] of the four queries i from `first` on, with ds left by attention_slopes
// as_keys.
fn whole_queries(first: u32, column: u32) -> array<Vector, 4> {
  var sum: array<Vector, 4>;
  for (var j = 0u; j < params.keys; j += 4u) {
    let ds = transpose(mat4x4<f32>(
      slopes_ds[first * QUADS + j / 4u],
      slopes_ds[(first + 1u) * QUADS + j / 4u],
      slopes_ds[(first + 2u) * QUADS + j / 4u],
      slopes_ds[(first + 3u) * QUADS + j / 4u],
    ));
    for (var t = 0u; t < 4u; t++) {
      let row = min(j + t, params.keys - 1u); // ds is 0 beyond it
      let key = k[params.k_start + column + row * params.kv_row];
      for (var i = 0u; i < 4u; i++) {
        sum[i] += ds[t][i] * key;
      }
    }
  }
  return sum;
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = linear_workgroup(group, groups);
  let place = attention_place(select(index / 2u, index, WHOLE == 1u), params.keys);
  if (!place.exists) {
    return; // uniform over the workgroup
  }
  let as_keys = WHOLE == 1u || index % 2u == 1u;
  attention_slopes(place, as_keys, thread);
  workgroupBarrier();
  let source = select(params.k_start, 0u, as_keys); // dq sums rows of k, and dk of q
  let part = select(0u, params.k_start, as_keys);
  for (var task = thread; task < QUADS * params.width; task += WG) {
    let quad = task / params.width;
    let first = place.first + quad * 4u;
    let top = place.b * params.keys;
    let column = top * params.kv_row + place.h * params.width + task % params.width;
    let at = column + first * params.kv_row;
    if (WHOLE == 1u) {
      store(at, first, whole_queries(first, column));
    }
    var sum = array<Vector, 4>();
    for (var j = 0u; j < params.keys; j++) {
      let ds = slopes_ds[j * QUADS + quad];
      let other = q[source + column + j * params.kv_row];
      for (var t = 0u; t < 4u; t++) {
        sum[t] += ds[t] * other;
      }
    }
    store(part + at, first, sum);
    if (as_keys) {
      var sum_v = array<Vector, 4>();
      for (var i = 0u; i < params.queries; i++) {
        let p = slopes_p[i * QUADS + quad];
        let row = (top + i) * params.heads + place.h;
        let slope = dy[row * params.width + task % params.width];
        for (var t = 0u; t < 4u; t++) {
          sum_v[t] += p[t] * slope;
        }
      }
      store(params.v_start + at, first, sum_v);
    }
  }
}
