// layernorm_grad — the cotangents of layernorm's x, and per-row terms of its gain.
//
//   x̂[r,c]     = (x[r,c] − mean[r]) · rstd[r]
//   g[r,c]     = dy[r,c] · gain[c]
//   dx[r,c]    = rstd[r] · (g[r,c] − mean_c(g[r,·]) − x̂[r,c] · mean_c(g[r,·] · x̂[r,·]))
//   dgain[r,c] = dy[r,c] · x̂[r,c]      to be summed over the rows (sum_rows)
//
//   x, dy, dx, dgain  f32[rows, WIDTH · VECTOR]; x or f16
//   gain              f32[WIDTH · VECTOR]
//   mean, rstd        f32[rows]
//
// Parallelised and summed as layernorm. Rows are read once: a thread keeps the first KEPT Vectors
// of g and x̂ in registers, and only what is beyond is read again.
//
// Source: derived from Ba, Kiros & Hinton 2016, arXiv:1607.06450, eqs. 3–4.

const WG: u32 = 64; // threads per workgroup
const LANES: u32 = 32; // threads per row; divides WG (lanes)
const KEPT: u32 = 16; // Vectors of each row that a thread keeps in registers, at most
const WIDTH: u32 = 1; // Vectors of a row
const VECTOR: u32 = 1; // elements of a Vector
const HELD: u32 = min(KEPT, (WIDTH + LANES - 1u) / LANES);

alias Vector = f32;
const ELEMENT_X: u32 = 32; // bits of an element of x: 16 where it is f16
alias ElemX = f32;
alias VectorX = ElemX;

struct Params { rows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<Vector>;
@group(0) @binding(2) var<storage, read> x: array<VectorX>;
@group(0) @binding(3) var<storage, read> gain: array<Vector>;
@group(0) @binding(4) var<storage, read> mean: array<f32>;
@group(0) @binding(5) var<storage, read> rstd: array<f32>;
@group(0) @binding(6) var<storage, read_write> dx: array<Vector>;
@group(0) @binding(7) var<storage, read_write> dgain: array<Vector>;

// The mean of a row's values, of which each lane has summed some.
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
  let at = min(r, params.rows - 1u);
  let row_mean = mean[at];
  let row_rstd = rstd[at];
  var held_g: array<Vector, HELD>;
  var held_normed: array<Vector, HELD>;
  var sum_g = Vector();
  var sum_gx = Vector();
  for (var i = 0u; i < HELD; i++) {
    let c = i * LANES + lane;
    if (c < end) {
      let slope = dy[row + c];
      held_normed[i] = (Vector(x[row + c]) - row_mean) * row_rstd;
      held_g[i] = slope * gain[c];
      sum_g += held_g[i];
      sum_gx += held_g[i] * held_normed[i];
      dgain[row + c] = slope * held_normed[i];
    }
  }
  for (var c = HELD * LANES + lane; c < end; c += LANES) {
    let normed = (Vector(x[row + c]) - row_mean) * row_rstd;
    let g = dy[row + c] * gain[c];
    sum_g += g;
    sum_gx += g * normed;
    dgain[row + c] = dy[row + c] * normed;
  }
  let mean_g = row_average(thread, sum_g);
  let mean_gx = row_average(thread, sum_gx);
  for (var i = 0u; i < HELD; i++) {
    let c = i * LANES + lane;
    if (c < end) {
      dx[row + c] = row_rstd * (held_g[i] - mean_g - held_normed[i] * mean_gx);
    }
  }
  for (var c = HELD * LANES + lane; c < end; c += LANES) {
    let normed = (Vector(x[row + c]) - row_mean) * row_rstd;
    dx[row + c] = row_rstd * (dy[row + c] * gain[c] - mean_g - normed * mean_gx);
  }
}
