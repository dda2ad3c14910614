// pool_average_grad — the cotangent of pool_average's x: each place gathers from its windows.
//
//   dx[n,u,v,c] = Σ_{i,j} dy[n,i,j,c] / (size_height · size_width)
//
//   over the windows i, j that cover (u, v), in reading order
//
//   dy  f32[batch, out_height, out_width, channels · VECTOR]
//   dx  f32[batch, height, width, channels · VECTOR]
//
// A grid of column-channels × rows × images: one thread per VECTOR channels of a pixel of dx, in
// IMAGES images. At most (size / stride)² terms in a fixed order.

const WG: u32 = 64; // threads per workgroup
const IMAGES: u32 = 8; // images per thread, which find their windows together
const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;

struct Params {
  batch: u32,
  height: u32,
  width: u32,
  channels: u32, // Vectors in a pixel
  out_height: u32,
  out_width: u32,
  size_height: u32,
  size_width: u32,
  stride_height: u32,
  stride_width: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<Vector>;
@group(0) @binding(2) var<storage, read_write> dx: array<Vector>;

// The first window that covers `place`.
fn first_window(place: u32, size: u32, stride: u32) -> u32 {
  return (max(place + 1u, size) - size + stride - 1u) / stride;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let at = group.x * WG + thread;
  let column = at / params.channels;
  if (column >= params.width) {
    return;
  }
  let row = group.y;
  let first_i = first_window(row, params.size_height, params.stride_height);
  let first_j = first_window(column, params.size_width, params.stride_width);
  let end_i = min(row / params.stride_height + 1u, params.out_height);
  let end_j = min(column / params.stride_width + 1u, params.out_width);
  let c = at - column * params.channels;
  let count = f32(params.size_height * params.size_width);
  let end = min((group.z + 1u) * IMAGES, params.batch);
  for (var n = group.z * IMAGES; n < end; n++) {
    var sum = Vector(0);
    for (var i = first_i; i < end_i; i++) {
      for (var j = first_j; j < end_j; j++) {
        sum += dy[((n * params.out_height + i) * params.out_width + j) * params.channels + c];
      }
    }
    dx[((n * params.height + row) * params.width + column) * params.channels + c] = sum / count;
  }
}
