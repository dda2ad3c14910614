// attention_slopes — the probabilities of attention and the cotangents of its scores.
//
//   p[i,j]  = exp(s[i,j] − lse[i])                         recomputed, 0 where j takes no part
//   ds[i,j] = scale · p[i,j] · (Σ_c dy[i,c] · v[j,c] − delta[i])
//
// which give dq[i,·] = Σ_j ds[i,j] · k[j,·], dk[j,·] = Σ_i ds[i,j] · q[i,·] and
// dv[j,·] = Σ_i p[i,j] · dy[i,·], sums in the order of their index.
//
// A workgroup has 4 · QUADS queries and meets all keys, or (as_keys) has keys and meets all
// queries. A thread makes 4 × 4 places; they are in workgroup memory once a barrier has passed.
//
// Needs attention's constants and alias Vector, its Params as `params`, its q, k, v and lse, `dy`
// (laid out like y) and `delta` (like lse); attention_place and vector_dot.
//
// Source: Dao et al. 2022, arXiv:2205.14135, §B.2.

struct Slopes { p: array<vec4<f32>, 4>, ds: array<vec4<f32>, 4> }

// [row of the other side, quad], of the quad's four rows
var<workgroup> slopes_p: array<vec4<f32>, SPAN * QUADS>;
var<workgroup> slopes_ds: array<vec4<f32>, SPAN * QUADS>;

// p and ds of the four queries from i on (components) with the four keys from j on.
fn slopes_of(place: Place, i: u32, j: u32) -> Slopes {
  let start = place.h * params.width;
  let query = attention_rows(place.b, i, params.queries);
  let key = attention_rows(place.b, j, params.keys) * params.kv_row + start;
  let a = query * params.q_row + start;
  let r = query * params.heads + place.h;
  var s: array<vec4<f32>, 4>;
  var dp: array<vec4<f32>, 4>;
  for (var c = 0u; c < params.width; c++) {
    let q0 = q[a.x + c];
    let q1 = q[a.y + c];
    let q2 = q[a.z + c];
    let q3 = q[a.w + c];
    let d0 = dy[r.x * params.width + c];
    let d1 = dy[r.y * params.width + c];
    let d2 = dy[r.z * params.width + c];
    let d3 = dy[r.w * params.width + c];
    for (var t = 0u; t < 4u; t++) {
      s[t] += vector_dots(q0, q1, q2, q3, k[params.k_start + key[t] + c]);
      dp[t] += vector_dots(d0, d1, d2, d3, v[params.v_start + key[t] + c]);
    }
  }
  let row_lse = vec4<f32>(lse[r.x], lse[r.y], lse[r.z], lse[r.w]);
  let row_delta = vec4<f32>(delta[r.x], delta[r.y], delta[r.z], delta[r.w]);
  let row = i + vec4<u32>(0u, 1u, 2u, 3u);
  var result: Slopes;
  for (var t = 0u; t < 4u; t++) {
    let beyond = vec4<u32>(j + t) > select(vec4<u32>(params.keys - 1u), row, CAUSAL == 1u);
    result.p[t] = select(exp(s[t] * params.scale - row_lse), vec4<f32>(0.0), beyond);
    result.ds[t] = params.scale * result.p[t] * (dp[t] - row_delta);
  }
  return result;
}

fn attention_slopes(place: Place, as_keys: bool, thread: u32) {
  let others = select(params.keys, params.queries, as_keys);
  for (var task = thread; task < QUADS * ((others + 3u) / 4u); task += WG) {
    let quad = task % QUADS;
    let row = place.first + quad * 4u;
    let other = task / QUADS * 4u;
    let slopes = slopes_of(place, select(row, other, as_keys), select(other, row, as_keys));
    let p = mat4x4<f32>(slopes.p[0], slopes.p[1], slopes.p[2], slopes.p[3]);
    let ds = mat4x4<f32>(slopes.ds[0], slopes.ds[1], slopes.ds[2], slopes.ds[3]);
    let turned_p = transpose(p);
    let turned_ds = transpose(ds);
    for (var t = 0u; t < 4u; t++) {
      slopes_p[(other + t) * QUADS + quad] = select(p[t], turned_p[t], as_keys);
      slopes_ds[(other + t) * QUADS + quad] = select(ds[t], turned_ds[t], as_keys);
    }
  }
}
