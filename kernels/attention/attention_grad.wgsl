// attention_grad — the cotangent of attention's q, k or v.
//
//   p[i,j]  = exp(s[i,j] − lse[i])                         recomputed, 0 where j takes no part
//   ds[i,j] = scale · p[i,j] · (Σ_c dy[i,c] · v[j,c] − delta[i])
//
//   PART 0:  dq[i,·] = Σ_j ds[i,j] · k[j,·]     own q, mate dy; other k, other_mate v
//   PART 1:  dk[j,·] = Σ_i ds[i,j] · q[i,·]     own k, mate v; other q, other_mate dy
//   PART 2:  dv[j,·] = Σ_i p[i,j] · dy[i,·]     as PART 1
//
//   own, mate, other, other_mate    f32[B, rows or others, heads, WIDTH · VECTOR], rows of each
//                                   `…_step` Vectors apart from `…_start` on
//   lse, delta                      f32[B, queries, heads]
//   d                               laid out like the operand that it is the cotangent of; three
//                                   launches may fill one packed tensor
//
// A thread has ROWS rows of one batch element and head in registers; all threads of a workgroup
// meet the same other rows (attention_others), in order. Error as in attention.
//
// Source: Dao et al. 2022, arXiv:2205.14135, §B.2.

const WG: u32 = 64; // threads per workgroup
const ROWS: u32 = 1; // rows of a thread
const VECTOR: u32 = 1; // elements of a Vector
const WIDTH: u32 = 1; // Vectors of a head
const CAUSAL: u32 = 0; // 1: query i sees the keys j ≤ i
const PART: u32 = 0; // whose cotangent
alias Vector = f32;

struct Params {
  pairs: u32, // batch elements · heads
  heads: u32,
  width: u32, // Vectors of a head
  rows: u32,
  others: u32,
  own_step: u32, // in Vectors, as all that follow
  own_start: u32,
  mate_step: u32,
  mate_start: u32,
  other_step: u32,
  other_start: u32,
  other_mate_step: u32,
  other_mate_start: u32,
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> own: array<Vector>;
@group(0) @binding(2) var<storage, read> mate: array<Vector>;
@group(0) @binding(3) var<storage, read> others: array<Vector>;
@group(0) @binding(4) var<storage, read> other_mate: array<Vector>;
@group(0) @binding(5) var<storage, read> lse: array<f32>;
@group(0) @binding(6) var<storage, read> delta: array<f32>;
@group(0) @binding(7) var<storage, read_write> d: array<Vector>;

fn other(which: u32, at: u32) -> Vector {
  if (which == 0u) {
    return others[at];
  }
  return other_mate[at];
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let place = attention_place(linear_workgroup(group, groups), params.rows);
  if (!place.exists) {
    return; // uniform over the workgroup
  }
  var rows: Rows;
  var mates: Rows;
  var row_lse: array<f32, ROWS>;
  var row_delta: array<f32, ROWS>;
  for (var r = 0u; r < ROWS; r++) {
    let i = place.b * params.rows + min(row_at(place, r, thread), params.rows - 1u);
    for (var c = 0u; c < width(); c++) {
      rows[r][c] = own[i * params.own_step + params.own_start + place.column + c];
      if (PART != 2u) {
        mates[r][c] = mate[i * params.mate_step + params.mate_start + place.column + c];
      }
    }
    if (PART == 0u) {
      row_lse[r] = lse[i * params.heads + place.h];
      row_delta[r] = delta[i * params.heads + place.h];
    }
  }
  var sums: Rows;
  let past = place.first + WG * ROWS;
  let begin = select(0u, place.first, CAUSAL == 1u && PART != 0u);
  let end = select(params.others, min(past, params.others), CAUSAL == 1u && PART == 0u);
  for (var j = begin; j < end; j++) {
    let row = place.b * params.others + j;
    let at = row * params.other_step + params.other_start + place.column;
    let mate_at = row * params.other_mate_step + params.other_mate_start + place.column;
    var products = array<Vector, ROWS>();
    add_products(&products, &rows, 0u, at, thread);
    var slopes = array<Vector, ROWS>();
    if (PART != 2u) {
      add_products(&slopes, &mates, 1u, mate_at, thread);
    }
    var weights: array<f32, ROWS>;
    for (var r = 0u; r < ROWS; r++) {
      if (PART != 0u) {
        row_lse[r] = lse[row * params.heads + place.h];
        row_delta[r] = delta[row * params.heads + place.h];
      }
      let i = row_at(place, r, thread);
      let hidden = CAUSAL == 1u && select(i > j, j > i, PART == 0u);
      let s = params.scale * vector_dot(products[r], Vector(1.0));
      let p = select(exp(s - row_lse[r]), 0.0, hidden);
      let ds = params.scale * p * (vector_dot(slopes[r], Vector(1.0)) - row_delta[r]);
      weights[r] = select(ds, p, PART == 2u);
    }
    if (PART == 2u) {
      add_weighted(&sums, &weights, 1u, mate_at, thread);
    } else {
      add_weighted(&sums, &weights, 0u, at, thread);
    }
  }
  for (var r = 0u; r < ROWS; r++) {
    let i = row_at(place, r, thread);
    if (i < params.rows) {
      let row = place.b * params.rows + i;
      let as_own = row * params.own_step + params.own_start;
      let as_mate = row * params.mate_step + params.mate_start;
      let at = select(as_own, as_mate, PART == 2u) + place.column;
      for (var c = 0u; c < width(); c++) {
        d[at + c] = sums[r][c];
      }
    }
  }
}
