// layernorm — normalise each row of x, then scale and shift.
//
//   mean[r] = Σ_c x[r,c] / D                                    D = WIDTH · VECTOR
//   rstd[r] = 1 / √(Σ_c (x[r,c] − mean[r])² / D + eps)
//   y[r,c]  = (x[r,c] − mean[r]) · rstd[r] · gain[c] + bias[c]
//
//   x, y        f32[rows, D], or f16 each
//   gain, bias  f32[D]
//   mean, rstd  f32[rows]         saved for layernorm_grad
//
// LANES threads per row, which stride over its columns; WG / LANES rows per workgroup. A row is
// read once: a thread keeps its first KEPT Vectors in registers, and only what is beyond is read
// again.
//
// A sum runs over a thread's Vectors in order, then their elements, then the lanes as a tree; its
// error is at most WIDTH / LANES + VECTOR + log2(LANES) units in the last place of the sum of
// magnitudes. The variance is summed about the mean: E[x²] − E[x]² cancels in f32 when
// |mean| ≫ std.
//
// Source: Ba, Kiros & Hinton 2016, arXiv:1607.06450, eqs. 3–4.

const WG: u32 = 64; // threads per workgroup
const LANES: u32 = 32; // threads per row; divides WG (lanes)
const KEPT: u32 = 16; // Vectors of a row that a thread keeps in registers, at most
const WIDTH: u32 = 1; // Vectors of a row
const VECTOR: u32 = 1; // elements of a Vector
const HELD: u32 = min(KEPT, (WIDTH + LANES - 1u) / LANES);

alias Vector = f32;
const ELEMENT_X: u32 = 32; // bits of an element of x: 16 where it is f16
alias ElemX = f32;
alias VectorX = ElemX;
const ELEMENT_Y: u32 = 32; // bits of an element of y: 16 where it is f16
alias ElemY = f32;
alias VectorY = ElemY;

struct Params { rows: u32, eps: f32 /* added to the variance, in units of x² */ }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<VectorX>;
@group(0) @binding(2) var<storage, read> gain: array<Vector>;
@group(0) @binding(3) var<storage, read> bias: array<Vector>;
@group(0) @binding(4) var<storage, read_write> y: array<VectorY>;
@group(0) @binding(5) var<storage, read_write> mean: array<f32>;
@group(0) @binding(6) var<storage, read_write> rstd: array<f32>;

fn put(at: u32, value: Vector) {
  y[at] = VectorY(rounded(value, ELEMENT_Y));
}

// The mean of D values, of which each lane has summed some.
fn row_average(thread: u32, sum: Vector) -> f32 {
  return lanes_sum(thread, vector_dot(Vector(1.0), sum)) / f32(WIDTH * VECTOR);
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let r = linear_workgroup(group, groups) * (WG / LANES) + thread / LANES;
  let lane = thread % LANES;
  let row = r * WIDTH;
  let end = select(0u, WIDTH, r < params.rows);
  var held: array<Vector, HELD>;
  var sum = Vector();
  for (var i = 0u; i < HELD; i++) {
    let c = i * LANES + lane;
    if (c < end) {
      held[i] = Vector(x[row + c]);
      sum += held[i];
    }
  }
  for (var c = HELD * LANES + lane; c < end; c += LANES) {
    sum += Vector(x[row + c]);
  }
  let row_mean = row_average(thread, sum);
  var squares = Vector();
  for (var i = 0u; i < HELD; i++) {
    if (i * LANES + lane < end) {
      held[i] -= row_mean;
      squares += held[i] * held[i];
    }
  }
  for (var c = HELD * LANES + lane; c < end; c += LANES) {
    let d = Vector(x[row + c]) - row_mean;
    squares += d * d;
  }
  let row_rstd = 1.0 / sqrt(row_average(thread, squares) + params.eps);
  for (var i = 0u; i < HELD; i++) {
    let c = i * LANES + lane;
    if (c < end) {
      put(row + c, held[i] * row_rstd * gain[c] + bias[c]);
    }
  }
  for (var c = HELD * LANES + lane; c < end; c += LANES) {
    put(row + c, (Vector(x[row + c]) - row_mean) * row_rstd * gain[c] + bias[c]);
  }
  if (lane == 0u && r < params.rows) {
    mean[r] = row_mean;
    rstd[r] = row_rstd;
  }
}
