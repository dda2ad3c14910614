// unit_rows_grad — the cotangent of unit_rows' x.
//
//   dx[r,c] = (dy[r,c] − y[r,c] · Σ_k y[r,k] · dy[r,k]) / norm[r]    where norm[r] > TINY
//   dx[r,c] = 0                                                      elsewhere
//
//   dy, y, dx  f32[rows, WIDTH · VECTOR]; dx or f16
//   norm       f32[rows]
//
// A row no longer than TINY has no direction: its slope, 1 / TINY, would only overflow what
// follows. Parallelised, kept in registers and summed as softmax_grad.
//
// Source: derived from the formula of unit_rows.

const WG: u32 = 64; // threads per workgroup
const LANES: u32 = 32; // threads per row; divides WG (lanes)
const KEPT: u32 = 16; // Vectors of each row that a thread keeps in registers, at most
const WIDTH: u32 = 1; // Vectors of a row
const VECTOR: u32 = 1; // elements of a Vector
const TINY: f32 = 1e-12; // as in unit_row
const HELD: u32 = min(KEPT, (WIDTH + LANES - 1u) / LANES);

alias Vector = f32;
const ELEMENT_DX: u32 = 32; // bits of an element of dx: 16 where it is f16
alias ElemDx = f32;
alias VectorDx = ElemDx;

struct Params { rows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<Vector>;
@group(0) @binding(2) var<storage, read> y: array<Vector>;
@group(0) @binding(3) var<storage, read> norm: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<VectorDx>;

fn put(at: u32, value: Vector) {
  dx[at] = VectorDx(rounded(value, ELEMENT_DX));
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
  var held_y: array<Vector, HELD>;
  var held_dy: array<Vector, HELD>;
  var sum = Vector();
  for (var i = 0u; i < HELD; i++) {
    let c = i * LANES + lane;
    if (c < end) {
      held_y[i] = y[row + c];
      held_dy[i] = dy[row + c];
      sum += held_y[i] * held_dy[i];
    }
  }
  for (var c = HELD * LANES + lane; c < end; c += LANES) {
    sum += y[row + c] * dy[row + c];
  }
  let along = lanes_sum(thread, vector_dot(Vector(1.0), sum));
  let length = norm[min(r, params.rows - 1u)];
  let inverse = select(0.0, 1.0 / length, length > TINY);
  for (var i = 0u; i < HELD; i++) {
    let c = i * LANES + lane;
    if (c < end) {
      put(row + c, (held_dy[i] - held_y[i] * along) * inverse);
    }
  }
  for (var c = HELD * LANES + lane; c < end; c += LANES) {
    put(row + c, (dy[row + c] - y[row + c] * along) * inverse);
  }
}
