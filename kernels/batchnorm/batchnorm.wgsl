// batchnorm — normalise each column of x with given statistics, scale, shift; then what follows it.
//
//   y[r,c] = f((x[r,c] − mean[c]) · rstd[c] · gain[c] + bias[c] + residual[r,c])
//
//   f(z) = max(z, 0) if RELU = 1, else z; residual counts only if RESIDUAL = 1
//
//   x, y, residual  f32[rows, cols · VECTOR], or f16 each
//   gain, bias      f32[cols · VECTOR]
//   stats           f32[2, cols · VECTOR]    mean and rstd = 1 / √(variance + eps)
//
// One thread per VECTOR columns of ITEMS consecutive rows, whose constants it keeps; neighbours
// take neighbouring columns. The mean is subtracted first: folding it into the bias would cancel
// where |mean| ≫ std.
//
// Source: Ioffe & Szegedy 2015, arXiv:1502.03167, alg. 1; the sum before the ReLU is that of He,
// Zhang, Ren & Sun 2016, arXiv:1512.03385, fig. 2.

const WG: u32 = 64; // threads per workgroup
const ITEMS: u32 = 16; // rows per thread
const RELU: u32 = 0;
const RESIDUAL: u32 = 0; // without it the binding holds anything
const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;
const ELEMENT_X: u32 = 32; // bits of an element of x: 16 where it is f16
alias ElemX = f32;
alias VectorX = ElemX;
const ELEMENT_RESIDUAL: u32 = 32; // bits of an element of residual: 16 where it is f16
alias ElemResidual = f32;
alias VectorResidual = ElemResidual;
const ELEMENT_Y: u32 = 32; // bits of an element of y: 16 where it is f16
alias ElemY = f32;
alias VectorY = ElemY;

struct Params { rows: u32, cols: u32 /* Vectors in a row */ }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<VectorX>;
@group(0) @binding(2) var<storage, read> residual: array<VectorResidual>;
@group(0) @binding(3) var<storage, read> gain: array<Vector>;
@group(0) @binding(4) var<storage, read> bias: array<Vector>;
@group(0) @binding(5) var<storage, read> stats: array<Vector>;
@group(0) @binding(6) var<storage, read_write> y: array<VectorY>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let at = linear_workgroup(group, groups) * WG + thread;
  let chunk = at / params.cols;
  let c = at - chunk * params.cols;
  let mean = stats[c];
  let factor = stats[params.cols + c] * gain[c];
  let shift = bias[c];
  let end = min((chunk + 1u) * ITEMS, params.rows);
  for (var r = chunk * ITEMS; r < end; r++) {
    let i = r * params.cols + c;
    var z = (Vector(x[i]) - mean) * factor + shift;
    if (RESIDUAL == 1u) {
      z += Vector(residual[i]);
    }
    if (RELU == 1u) {
      z = max(z, Vector(0));
    }
    y[i] = VectorY(rounded(z, ELEMENT_Y));
  }
}
