// pool_max_grad — the cotangent of pool_max's x: each place gathers from the windows it won.
//
//   dx[n,u,v,c] = Σ_{i,j : place[n,i,j,c] = u · width + v} dy[n,i,j,c]
//
//   over the windows that cover (u, v), in reading order
//
//   dy, place  f32, u32[batch, out_height, out_width, channels · VECTOR]
//   dx         f32[batch, height, width, channels · VECTOR]
//
// A grid of column-channels × rows × images: one thread per VECTOR channels of a pixel of dx, in
// IMAGES images. At most (size / stride)² terms in a fixed order.
//
// Source: derived from pool_max's formula.

const WG: u32 = 64; // threads per workgroup
const IMAGES: u32 = 8; // images per thread, which find their windows together
const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;
alias VectorU32 = u32;

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
  pad_height: u32, // at most half of size_height
  pad_width: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<Vector>;
@group(0) @binding(2) var<storage, read> place: array<VectorU32>;
@group(0) @binding(3) var<storage, read_write> dx: array<Vector>;

// The first window that covers `place`, counted from the beginning of the padding.
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
  let padded_row = row + params.pad_height;
  let padded_column = column + params.pad_width;
  let first_i = first_window(padded_row, params.size_height, params.stride_height);
  let first_j = first_window(padded_column, params.size_width, params.stride_width);
  let end_i = min(padded_row / params.stride_height + 1u, params.out_height);
  let end_j = min(padded_column / params.stride_width + 1u, params.out_width);
  let c = at - column * params.channels;
  let here = VectorU32(row * params.width + column);
  let end = min((group.z + 1u) * IMAGES, params.batch);
  for (var n = group.z * IMAGES; n < end; n++) {
    var sum = Vector(0);
    for (var i = first_i; i < end_i; i++) {
      for (var j = first_j; j < end_j; j++) {
        let out = ((n * params.out_height + i) * params.out_width + j) * params.channels + c;
        sum += select(Vector(0), dy[out], place[out] == here);
      }
    }
    dx[((n * params.height + row) * params.width + column) * params.channels + c] = sum;
  }
}
