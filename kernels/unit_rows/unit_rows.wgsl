// unit_rows — divide each row of x by its Euclidean length.
//
//   norm[r] = max(√(Σ_c x[r,c]²), TINY)
//   y[r,c]  = x[r,c] / norm[r]
//
//   x, y  f32[rows, WIDTH · VECTOR], or f16 each
//   norm  f32[rows]          saved for unit_rows_grad
//
// LANES threads per row, which stride over its columns; WG / LANES rows per workgroup. How a row is
// read, summed and bounded is the library's part (unit_row).
//
// Source: torch.nn.functional.normalize.

const WG: u32 = 64; // threads per workgroup
const LANES: u32 = 32; // threads per row; divides WG (lanes)
const KEPT: u32 = 16; // Vectors of a row that a thread keeps in registers, at most
const WIDTH: u32 = 1; // Vectors of a row
const VECTOR: u32 = 1; // elements of a Vector

alias Vector = f32;
const ELEMENT_X: u32 = 32; // bits of an element of x: 16 where it is f16
alias ElemX = f32;
alias VectorX = ElemX;
const ELEMENT_Y: u32 = 32; // bits of an element of y: 16 where it is f16
alias ElemY = f32;
alias VectorY = ElemY;

struct Params { rows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<VectorX>;
@group(0) @binding(2) var<storage, read_write> y: array<VectorY>;
@group(0) @binding(3) var<storage, read_write> norm: array<f32>;

fn put(at: u32, value: Vector) {
  y[at] = VectorY(rounded(value, ELEMENT_Y));
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let r = linear_workgroup(group, groups) * (WG / LANES) + thread / LANES;
  let end = select(0u, WIDTH, r < params.rows);
  let length = unit_row(thread, r * WIDTH, r * WIDTH, end);
  if (thread % LANES == 0u && r < params.rows) {
    norm[r] = length;
  }
}
