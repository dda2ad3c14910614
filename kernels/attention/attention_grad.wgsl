// attention_grad — the cotangent of attention's q, k or v.
//
//   p[i,j]  = exp(s[i,j] − lse[i])                         recomputed, 0 where j takes no part
//   ds[i,j] = scale · p[i,j] · (Σ_c dy[i,c] · v[j,c] − delta[i])
//
//   PART 0:  dq[i,·] = Σ_j ds[i,j] · k[j,·]     own q, mate dy; other k, other_mate v
//   PART 1:  dk[j,·] = Σ_i ds[i,j] · q[i,·]     own k, mate v; other q, other_mate dy
//   PART 2:  dv[j,·] = Σ_i p[i,j] · dy[i,·]     as PART 1
//
//   own, mate, other, other_mate    f32[B, rows or others, heads, WIDTH · VECTOR], or f16 each;
//                                   rows `…_step` Vectors apart from `…_start` on
//   lse, delta                      f32[B, queries, heads]
//   d                               laid out like the operand that it is the cotangent of; three
//                                   launches may fill one packed tensor
//
// A workgroup has WG rows of one batch element and head in registers and meets the same other
// rows (attention_rows), in order. Error as in attention.
//
// Source: Dao et al. 2022, arXiv:2205.14135, §B.2.

const WG: u32 = 64; // threads and rows of a workgroup
const VECTOR: u32 = 1; // elements of a Vector
const WIDTH: u32 = 1; // Vectors of a head
const CAUSAL: u32 = 0; // 1: query i sees the keys j ≤ i
const PART: u32 = 0; // whose cotangent
alias Vector = f32;
const ELEMENT_OWN: u32 = 32; // bits of an element of own: 16 where it is f16
alias ElemOwn = f32;
alias VectorOwn = ElemOwn;
const ELEMENT_MATE: u32 = 32; // bits of an element of mate: 16 where it is f16
alias ElemMate = f32;
alias VectorMate = ElemMate;
const ELEMENT_OTHERS: u32 = 32; // bits of an element of others: 16 where it is f16
alias ElemOthers = f32;
alias VectorOthers = ElemOthers;
const ELEMENT_OTHER_MATE: u32 = 32; // bits of an element of other_mate: 16 where it is f16
alias ElemOtherMate = f32;
alias VectorOtherMate = ElemOtherMate;

struct Params {
  pairs: u32, // batch elements · heads
  heads: u32,
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
@group(0) @binding(1) var<storage, read> own: array<VectorOwn>;
@group(0) @binding(2) var<storage, read> mate: array<VectorMate>;
@group(0) @binding(3) var<storage, read> others: array<VectorOthers>;
@group(0) @binding(4) var<storage, read> other_mate: array<VectorOtherMate>;
@group(0) @binding(5) var<storage, read> lse: array<f32>;
@group(0) @binding(6) var<storage, read> delta: array<f32>;
@group(0) @binding(7) var<storage, read_write> d: array<Vector>;

fn element(which: u32, at: u32) -> Vector {
  switch (which) {
    case 0u: { return Vector(own[at]); }
    case 1u: { return Vector(mate[at]); }
    case 2u: { return Vector(others[at]); }
    default: { return Vector(other_mate[at]); }
  }
}

fn put(at: u32, x: Vector) {
  d[at] = x;
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
  let count = params.rows;
  let scale = params.scale;
  let heads = params.heads;
  let rows_at = operand_at(0u, place, count, params.own_step, params.own_start);
  let mates_at = operand_at(1u, place, count, params.mate_step, params.mate_start);
  let others_at = operand_at(2u, place, params.others, params.other_step, params.other_start);
  let other_mates_at =
    operand_at(3u, place, params.others, params.other_mate_step, params.other_mate_start);
  var rows = fetch(rows_at, place.first, count, thread);
  var mates = Rows();
  if (PART != 2u) {
    mates = fetch(mates_at, place.first, count, thread);
  }
  let i = place.first + thread;
  let queries = select(params.others, count, PART == 0u);
  let first_query = place.b * queries * heads + place.h;
  var row_lse = 0.0;
  var row_delta = 0.0;
  if (PART == 0u) {
    row_lse = lse[first_query + min(i, count - 1u) * heads];
    row_delta = delta[first_query + min(i, count - 1u) * heads];
  }
  var sums = Rows();
  let begin = select(0u, place.first, CAUSAL == 1u && PART != 0u);
  let past = min(place.first + WG, params.others);
  let end = select(params.others, past, CAUSAL == 1u && PART == 0u);
  for (var j = begin; j < end; j++) {
    if (PART != 0u) {
      row_lse = lse[first_query + j * heads];
    }
    let other = meet(others_at, j, thread);
    let hidden = CAUSAL == 1u && select(i > j, j > i, PART == 0u);
    let p = select(exp(scale * products(&rows, other, thread) - row_lse), 0.0, hidden);
    let other_mate = meet(other_mates_at, j, thread);
    if (PART == 2u) {
      add_weighted(&sums, p, other_mate, thread);
    } else {
      if (PART == 1u) {
        row_delta = delta[first_query + j * heads];
      }
      let slope = products(&mates, other_mate, thread) - row_delta;
      add_weighted(&sums, scale * p * slope, other, thread);
    }
  }
  if (PART == 2u) {
    store(&sums, mates_at, place.first, count, thread);
  } else {
    store(&sums, rows_at, place.first, count, thread);
  }
}
