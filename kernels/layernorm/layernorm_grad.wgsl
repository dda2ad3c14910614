// layernorm_grad — the cotangents of layernorm's x, and per-row terms of its gain.
//
//   x̂[r,c]     = (x[r,c] − mean[r]) · rstd[r]
//   g[r,c]     = dy[r,c] · gain[c]
//   dx[r,c]    = rstd[r] · (g[r,c] − mean_c(g[r,·]) − x̂[r,c] · mean_c(g[r,·] · x̂[r,·]))
//   dgain[r,c] = dy[r,c] · x̂[r,c]      to be summed over the rows (sum_rows)
//
//   x, dy, dx, dgain  f32[rows, cols]
//   gain              f32[cols]
//   mean, rstd        f32[rows]
//
// LANES threads per row, which stride over its columns. Summation order as in layernorm.
//
// Source: derived from Ba, Kiros & Hinton 2016, arXiv:1607.06450, eqs. 3–4.

const WG: u32 = 64; // threads per workgroup
const LANES: u32 = 8; // threads per row; divides WG (lanes)

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> gain: array<f32>;
@group(0) @binding(4) var<storage, read> mean: array<f32>;
@group(0) @binding(5) var<storage, read> rstd: array<f32>;
@group(0) @binding(6) var<storage, read_write> dx: array<f32>;
@group(0) @binding(7) var<storage, read_write> dgain: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let r = linear_workgroup(group, groups) * (WG / LANES) + thread / LANES;
  let lane = thread % LANES;
  let row = r * params.cols;
  let end = select(0u, params.cols, r < params.rows);
  let at = min(r, params.rows - 1u);
  let row_mean = mean[at];
  let row_rstd = rstd[at];
  var sum_g = 0.0;
  var sum_gx = 0.0;
  for (var c = lane; c < end; c += LANES) {
    let normed = (x[row + c] - row_mean) * row_rstd;
    let g = dy[row + c] * gain[c];
    sum_g += g;
    sum_gx += g * normed;
    dgain[row + c] = dy[row + c] * normed;
  }
  let mean_g = lanes_sum(thread, sum_g) / f32(params.cols);
  let mean_gx = lanes_sum(thread, sum_gx) / f32(params.cols);
  for (var c = lane; c < end; c += LANES) {
    let normed = (x[row + c] - row_mean) * row_rstd;
    dx[row + c] = row_rstd * (dy[row + c] * gain[c] - mean_g - normed * mean_gx);
  }
}
