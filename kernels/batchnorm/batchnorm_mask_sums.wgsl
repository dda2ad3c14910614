// batchnorm_mask_sums — batchnorm_grad_sums where a residual was added before the ReLU.
//
//   g[r,c]      = dy[r,c] where y[r,c] > 0, else 0
//   dgain[p,c]  = Σ_r g[r,c] · x̂[r,c]        r over the rows of part p
//   dbias[p,c]  = Σ_r g[r,c]
//
//   dy, x, y, g   f32[rows, cols · VECTOR]    y is batchnorm's; g is also the residual's cotangent;
//                                             x or f16
//   stats         f32[2, cols · VECTOR]    mean and rstd
//   dgain, dbias  f32[ceil(rows / span), cols · VECTOR]    to be summed (sum_rows)
//
// Parallelised and summed as batchnorm_grad_sums, with its error. The ReLU's input is not known
// from x alone, so its output tells where it let pass.
//
// Source: derived from batchnorm's formula.

const WG: u32 = 64; // threads per workgroup
const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;
const ELEMENT_X: u32 = 32; // bits of an element of x: 16 where it is f16
alias ElemX = f32;
alias VectorX = ElemX;

struct Params { rows: u32, cols: u32 /* Vectors in a row */, span: u32 /* rows per part */ }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<Vector>;
@group(0) @binding(2) var<storage, read> x: array<VectorX>;
@group(0) @binding(3) var<storage, read> y: array<Vector>;
@group(0) @binding(4) var<storage, read> stats: array<Vector>;
@group(0) @binding(5) var<storage, read_write> g: array<Vector>;
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
  var sum = Vector(0);
  var sum_deviation = Vector(0);
  for (var r = first; r < end; r++) {
    let i = r * params.cols + c;
    let slope = select(Vector(0), dy[i], y[i] > Vector(0));
    g[i] = slope;
    sum += slope;
    sum_deviation += slope * (Vector(x[i]) - mean);
  }
  dgain[at] = sum_deviation * stats[params.cols + c];
  dbias[at] = sum;
}
