// softmax — each row of x as exponentials that sum to one; some of its entries may be masked.
//
//   z[r,c] = x[r,c] + mask[r mod mask_rows, c]      the mask's term where MASKED
//   y[r,c] = exp(z[r,c] − max_c z[r,·]) / Σ_c exp(z[r,c] − max_c z[r,·])
//   Where CAUSAL, only the columns c ≤ r mod cols count and the others have y = 0. A row whose
//   entries are all masked by −∞ has y = 0 throughout.
//
//   x, y  f32[rows, WIDTH · VECTOR], or f16 each
//   mask  f32[mask_rows, WIDTH · VECTOR], or f16; mask_rows divides rows; not read unless MASKED
//
// LANES threads per row, which stride over its columns; WG / LANES rows per workgroup. A row is
// read once: a thread keeps its first KEPT Vectors in registers, then their exponentials. What is
// beyond is read twice, its sum scaled down when a larger entry comes. No exponential exceeds 1.
//
// The sum runs over a thread's Vectors in order, those beyond KEPT first, then their elements, then
// the lanes as a tree. Relative error of y, in units in the last place: at most WIDTH / LANES +
// VECTOR + log2(LANES) of the sum, as all terms are positive, that of exp, and |z − max| of the
// difference.
//
// Source: Milakov & Gimelshein 2018, arXiv:1805.02867, algorithm 3.

const WG: u32 = 64; // threads per workgroup
const LANES: u32 = 32; // threads per row; divides WG (lanes)
const KEPT: u32 = 16; // Vectors of a row that a thread keeps in registers, at most
const WIDTH: u32 = 1; // Vectors of a row
const VECTOR: u32 = 1; // elements of a Vector; 1 where CAUSAL
const CAUSAL: u32 = 0; // 1: column c of row r counts where c ≤ r mod cols
const MASKED: u32 = 0; // 1: the mask is added to x
const LOWEST: f32 = -3.4028234663852886e38; // of f32; stands for −∞, whose differences are NaN
const HELD: u32 = min(KEPT, (WIDTH + LANES - 1u) / LANES);

alias Vector = f32;
const ELEMENT_X: u32 = 32; // bits of an element of x: 16 where it is f16
alias ElemX = f32;
alias VectorX = ElemX;
const ELEMENT_MASK: u32 = 32; // bits of an element of mask: 16 where it is f16
alias ElemMask = f32;
alias VectorMask = ElemMask;
const ELEMENT_Y: u32 = 32; // bits of an element of y: 16 where it is f16
alias ElemY = f32;
alias VectorY = ElemY;

struct Params { rows: u32, mask_rows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<VectorX>;
@group(0) @binding(2) var<storage, read> mask: array<VectorMask>;
@group(0) @binding(3) var<storage, read_write> y: array<VectorY>;

fn entry(r: u32, c: u32) -> Vector {
  var z = Vector(x[r * WIDTH + c]);
  if (MASKED == 1u) {
    z += Vector(mask[r % params.mask_rows * WIDTH + c]);
  }
  return max(z, Vector(LOWEST));
}

fn put(at: u32, value: Vector) {
  y[at] = VectorY(rounded(value, ELEMENT_Y));
}

fn largest(z: Vector) -> f32 {
  let four = vec4<f32>(z); // of a scalar, the same four times
  return max(max(four.x, four.y), max(four.z, four.w));
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let r = linear_workgroup(group, groups) * (WG / LANES) + thread / LANES;
  let lane = thread % LANES;
  let cols = select(0u, WIDTH, r < params.rows);
  let seen = select(cols, min(cols, r % WIDTH + 1u), CAUSAL == 1u);
  var held: array<Vector, HELD>;
  var most_held = Vector(LOWEST);
  for (var i = 0u; i < HELD; i++) {
    let c = i * LANES + lane;
    held[i] = Vector(LOWEST);
    if (c < seen) {
      held[i] = entry(r, c);
    }
    most_held = max(most_held, held[i]);
  }
  var most = largest(most_held);
  var sum = 0.0;
  for (var c = HELD * LANES + lane; c < seen; c += LANES) {
    let z = entry(r, c);
    let next = max(most, largest(z));
    sum = sum * exp(most - next) + vector_dot(Vector(1.0), exp(z - Vector(next)));
    most = next;
  }
  let row_most = lanes_max(thread, most);
  var sums = Vector();
  for (var i = 0u; i < HELD; i++) {
    held[i] = exp(held[i] - Vector(row_most));
    sums += held[i];
  }
  sum = sum * exp(most - row_most) + vector_dot(Vector(1.0), sums);
  let row_sum = lanes_sum(thread, sum);
  let inverse = select(1.0 / row_sum, 0.0, row_most == LOWEST);
  for (var i = 0u; i < HELD; i++) {
    let c = i * LANES + lane;
    if (c < cols) {
      put(r * WIDTH + c, held[i] * inverse);
    }
  }
  for (var c = HELD * LANES + lane; c < cols; c += LANES) {
    var value = Vector(0.0);
    if (c < seen) {
      value = exp(entry(r, c) - Vector(row_most)) * inverse;
    }
    put(r * WIDTH + c, value);
  }
}
