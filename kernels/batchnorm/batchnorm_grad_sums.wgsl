// batchnorm_grad_sums — what the cotangents of batchnorm's gain and bias sum, over parts of rows.
//
//   x̂[r,c]     = (x[r,c] − mean[c]) · rstd[c]
//   g[r,c]      = dy[r,c], but 0 where RELU = 1 and x̂[r,c] · gain[c] + bias[c] ≤ 0
//   dgain[p,c]  = Σ_r g[r,c] · x̂[r,c]        r over the rows of part p
//   dbias[p,c]  = Σ_r g[r,c]
//
//   dy, x         f32[rows, cols · VECTOR]; x or f16
//   gain, bias    f32[cols · VECTOR]
//   stats         f32[2, cols · VECTOR]    mean and rstd
//   dgain, dbias  f32[ceil(rows / span), cols · VECTOR]    to be summed (sum_rows)
//
// One thread per part and VECTOR columns, as in batchnorm_moments; each sum over its rows in order.
// The ReLU's input is computed again, which saves reading its output. Error: at most n + 3 units in
// the last place of Σ|g · x̂|, and n of Σ|g|, over the n rows of a part.
//
// Source: derived from batchnorm's formula.

const WG: u32 = 64; // threads per workgroup
const RELU: u32 = 0;
const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;
const ELEMENT_X: u32 = 32; // bits of an element of x: 16 where it is f16
alias ElemX = f32;
alias VectorX = ElemX;

struct Params { rows: u32, cols: u32 /* Vectors in a row */, span: u32 /* rows per part */ }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<Vector>;
@group(0) @binding(2) var<storage, read> x: array<VectorX>;
@group(0) @binding(3) var<storage, read> gain: array<Vector>;
@group(0) @binding(4) var<storage, read> bias: array<Vector>;
@group(0) @binding(5) var<storage, read> stats: array<Vector>;
@group(0) @binding(6) var<storage, read_write> dgain: array<Vector>;
@group(0) @binding(7) var<storage, read_write> dbias: array<Vector>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let at = linear_workgroup(group, groups) * WG + thread;
  let part = at / params.cols;
  let c = at - part * params.cols;
  let first = part * params.span;
  if (first >= params.rows) {
    return;
  }
  let end = min(first + params.span, params.rows);
  let mean = stats[c];
  let rstd = stats[params.cols + c];
  let factor = rstd * gain[c];
  let shift = bias[c];
  var sum = Vector(0);
  var sum_deviation = Vector(0);
  for (var r = first; r < end; r++) {
    let i = r * params.cols + c;
    let d = Vector(x[i]) - mean;
    var g = dy[i];
    if (RELU == 1u) {
      g = select(Vector(0), g, d * factor + shift > Vector(0));
    }
    sum += g;
    sum_deviation += g * d;
  }
  dgain[at] = sum_deviation * rstd;
  dbias[at] = sum;
}
