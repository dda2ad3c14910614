// batchnorm_grad — the cotangent of batchnorm's x.
//
//   x̂[r,c]  = (x[r,c] − mean[c]) · rstd[c]
//   g[r,c]   = dy[r,c], but 0 where RELU = 1 and x̂[r,c] · gain[c] + bias[c] ≤ 0
//   dx[r,c]  = rstd[c] · gain[c] · (g[r,c] − (dbias[c] + x̂[r,c] · dgain[c]) / rows)
//
//   but dx = rstd · gain · g if BATCH = 0: the statistics were given and do not depend on x
//
//   dy, x, dx    f32[rows, cols · VECTOR]; x and dx or f16 each
//   gain, bias   f32[cols · VECTOR]
//   stats        f32[2, cols · VECTOR]    mean and rstd
//   dgain, dbias f32[cols · VECTOR]       the sums over all rows
//
// One thread per VECTOR columns of ITEMS consecutive rows, whose constants it keeps.
//
// Source: derived from Ioffe & Szegedy 2015, arXiv:1502.03167, alg. 1.

const WG: u32 = 64; // threads per workgroup
const ITEMS: u32 = 16; // rows per thread
const BATCH: u32 = 1; // the statistics are this batch's
const RELU: u32 = 0;
const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;
const ELEMENT_X: u32 = 32; // bits of an element of x: 16 where it is f16
alias ElemX = f32;
alias VectorX = ElemX;
const ELEMENT_DX: u32 = 32; // bits of an element of dx: 16 where it is f16
alias ElemDx = f32;
alias VectorDx = ElemDx;

struct Params { rows: u32, cols: u32 /* Vectors in a row */ }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<Vector>;
@group(0) @binding(2) var<storage, read> x: array<VectorX>;
@group(0) @binding(3) var<storage, read> gain: array<Vector>;
@group(0) @binding(4) var<storage, read> bias: array<Vector>;
@group(0) @binding(5) var<storage, read> stats: array<Vector>;
@group(0) @binding(6) var<storage, read> dgain: array<Vector>;
@group(0) @binding(7) var<storage, read> dbias: array<Vector>;
@group(0) @binding(8) var<storage, read_write> dx: array<VectorDx>;

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
  let rstd = stats[params.cols + c];
  let factor = rstd * gain[c];
  let shift = bias[c];
  let mean_g = dbias[c] / f32(params.rows);
  let slope = dgain[c] * rstd / f32(params.rows);
  let end = min((chunk + 1u) * ITEMS, params.rows);
  for (var r = chunk * ITEMS; r < end; r++) {
    let i = r * params.cols + c;
    let d = Vector(x[i]) - mean;
    var g = dy[i];
    if (RELU == 1u) {
      g = select(Vector(0), g, d * factor + shift > Vector(0));
    }
    if (BATCH == 1u) {
      g -= mean_g + d * slope;
    }
    dx[i] = VectorDx(rounded(factor * g, ELEMENT_DX));
  }
}
