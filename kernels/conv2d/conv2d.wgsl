// conv2d — correlation of images with a bank of kernels, channels last, zeros beyond the border.
//
//   y[b,i,j,n] = Σ_{u,v,ch} x[b, i·stride + u − pad, j·stride + v − pad, ch] · weight[u,v,ch,n]
//
//   x       f32[B, h, w, c]
//   weight  f32[r, s, c, o]      u < r, v < s
//   y       f32[pixels = B · hOut · wOut, o]
//
// A product of matrices whose left one, f32[pixels, r · s · c], is gathered and never stored; tiles
// as in matmul, with pixels for rows. What a row of a kernel meets lies in one row of x without a
// gap: (v, ch) together are the k of matmul's loop. Each sum runs over (u, v, ch) in order; its
// error is at most r · s · c units in the last place of the sum of magnitudes.

const ROWS: u32 = 8; // pixels of a thread's tile
const LANES: u32 = 1; // threads that load their pixels together (tile_own, tile_subgroup)
const WGX: u32 = 8; // threads along the channels; a multiple of LANES
const WGY: u32 = 8; // threads along the pixels
const COLS: u32 = 4; // channels of a thread's tile: 4, or 2 for narrow banks

struct Params {
  pixels: u32, h: u32, w: u32, c: u32, hOut: u32, wOut: u32, o: u32,
  r: u32, s: u32, stride: u32, padding: u32 /* pad */,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

// For this thread's r-th pixel: the image, the row of x under its first tap, and the place of that
// tap in the row. What lies before the border wraps around and so is beyond it.
fn origin(row: u32, r: u32) -> vec3<u32> {
  let pixel = min(row + r * LANES, params.pixels - 1u);
  let i = pixel / params.wOut;
  let first = vec2(i % params.hOut, pixel % params.wOut) * params.stride - params.padding;
  return vec3(i / params.hOut, first.x, first.y * params.c);
}

// For row u of the kernels: where its row of x begins, and the place of its first tap in that row,
// which is beyond the end if there is no such row.
fn segment(origin: vec3<u32>, u: u32) -> vec2<u32> {
  let i = origin.y + u;
  let length = params.w * params.c;
  let start = (origin.x * params.h + min(i, params.h - 1u)) * length;
  return vec2(start, select(length, origin.z, i < params.h));
}

fn load_x(segment: vec2<u32>, k: u32, r: u32) -> f32 {
  if (r * LANES >= ROWS) {
    return 0.0; // none of the tile's rows
  }
  let place = segment.y + k;
  let length = params.w * params.c;
  return select(0.0, x[segment.x + min(place, length - 1u)], place < length);
}

fn load_weight(at: vec4<u32>) -> vec4<f32> {
  if (COLS == 2u) {
    return vec4(weight[at.x], weight[at.y], 0.0, 0.0);
  }
  return vec4(weight[at.x], weight[at.y], weight[at.z], weight[at.w]);
}

fn store_row(pixel: u32, col: u32, values: vec4<f32>) {
  for (var j = 0u; j < COLS; j++) {
    if (pixel < params.pixels && col + j * WGX < params.o) {
      y[pixel * params.o + col + j * WGX] = values[j];
    }
  }
}

@compute @workgroup_size(WGX, WGY)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_id) thread: vec3<u32>,
) {
  let across = (params.o + COLS * WGX - 1u) / (COLS * WGX);
  let index = linear_workgroup(group, groups);
  let row = (index / across * WGY + thread.y) * ROWS;
  let col = index % across * COLS * WGX + thread.x;
  let m = row + thread.x % LANES;
  let origins = array<vec3<u32>, 8>(
    origin(m, 0u), origin(m, 1u), origin(m, 2u), origin(m, 3u),
    origin(m, 4u), origin(m, 5u), origin(m, 6u), origin(m, 7u),
  );
  let cols = tile_cols(col, params.o);

  var tile = tile_start(vec4(0.0));
  let length = params.s * params.c;
  for (var u = 0u; u < params.r; u++) {
    let at = array<vec2<u32>, 8>(
      segment(origins[0], u), segment(origins[1], u),
      segment(origins[2], u), segment(origins[3], u),
      segment(origins[4], u), segment(origins[5], u),
      segment(origins[6], u), segment(origins[7], u),
    );
    for (var k = 0u; k < length; k++) {
      let values = array<f32, 8>(
        load_x(at[0], k, 0u), load_x(at[1], k, 1u), load_x(at[2], k, 2u), load_x(at[3], k, 3u),
        load_x(at[4], k, 4u), load_x(at[5], k, 5u), load_x(at[6], k, 6u), load_x(at[7], k, 7u),
      );
      tile = tile_step(tile, values, load_weight(cols + (u * length + k) * params.o));
    }
  }

  let quads = (min(ROWS, params.pixels - min(row, params.pixels)) + 3u) / 4u;
  for (var q = 0u; q < quads; q++) {
    let quad = tile_quad(tile, q);
    store_row(row + 4u * q, col, quad[0]);
    store_row(row + 4u * q + 1u, col, quad[1]);
    store_row(row + 4u * q + 2u, col, quad[2]);
    store_row(row + 4u * q + 3u, col, quad[3]);
  }
}
