// conv2d_dx — the cotangent of conv2d's images.
//
//   dx[b, y, x, ch] = Σ_{u,v,n} dy[b, i, j, n] · weight[u, v, ch, n]
//
//   i = (y + padding − u) / STRIDE, j = (x + padding − v) / STRIDE, where both are whole
//
//   dy      f32[B, hOut, wOut, o]
//   weight  f32[r, s, c, o]
//   dx      f32[B, h, w, c]
//
// Pixels of one phase (y, x modulo STRIDE) meet the same taps, every STRIDE-th: for them this is a
// correlation of stride 1 with a part of the bank, as in conv2d, with no tap in vain. Each sum runs
// over u, falling v, and n; its error is at most r · s · o units in the last place of the sum.

const ROWS: u32 = 8; // pixels of a thread's tile
const LANES: u32 = 1; // threads that load their pixels together (tile_own, tile_subgroup)
const WGX: u32 = 8; // threads along the channels; a multiple of LANES
const WGY: u32 = 8; // threads along the pixels
const COLS: u32 = 4; // channels of a thread's tile: 4, or 2 for few channels
const STRIDE: u32 = 1;

struct Params {
  images: u32, h: u32, w: u32, c: u32, hOut: u32, wOut: u32, o: u32, r: u32, s: u32, padding: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

struct Phase {
  first: vec2<u32>, // row and column of its first pixel
  size: vec2<u32>, // its rows and columns of an image
  pixels: u32, // of all images
  tap: vec2<u32>, // the first tap that meets it
  taps: vec2<u32>, // how many do
  shift: vec2<u32>, // row of dy under its first tap, column under its last, less the pixel's
}

fn phase_of(index: u32) -> Phase {
  let first = vec2(index / STRIDE, index % STRIDE);
  let size = (vec2(params.h, params.w) + STRIDE - 1u - first) / STRIDE;
  let tap = (first + params.padding) % STRIDE;
  let taps = (vec2(params.r, params.s) + STRIDE - 1u - tap) / STRIDE;
  let shift = (first + params.padding - tap) / STRIDE - vec2(0u, taps.y - 1u);
  return Phase(first, size, params.images * size.x * size.y, tap, taps, shift);
}

// The image, row and column of a pixel among its phase's.
fn pixel_of(phase: Phase, m: u32) -> vec3<u32> {
  let i = m / phase.size.y;
  return vec3(i / phase.size.x, i % phase.size.x, m % phase.size.y);
}

// For this thread's r-th pixel: the image, the row of dy under its first tap, and the place in that
// row under its last. What lies before the border wraps around and so is beyond it.
fn origin(phase: Phase, row: u32, r: u32) -> vec3<u32> {
  let pixel = pixel_of(phase, min(row + r * LANES, phase.pixels - 1u));
  return vec3(pixel.x, pixel.y + phase.shift.x, (pixel.z + phase.shift.y) * params.o);
}

// For the phase's u-th row of taps: where its row of dy begins, and the place of its last tap in
// that row, which is beyond the end if there is no such row.
fn segment(origin: vec3<u32>, u: u32) -> vec2<u32> {
  let i = origin.y - u;
  let length = params.wOut * params.o;
  let start = (origin.x * params.hOut + min(i, params.hOut - 1u)) * length;
  return vec2(start, select(length, origin.z, i < params.hOut));
}

fn load_dy(segment: vec2<u32>, k: u32, r: u32) -> f32 {
  if (r * LANES >= ROWS) {
    return 0.0; // none of the tile's rows
  }
  let place = segment.y + k;
  let length = params.wOut * params.o;
  return select(0.0, dy[segment.x + min(place, length - 1u)], place < length);
}

fn load_weight(at: vec4<u32>) -> vec4<f32> {
  if (COLS == 2u) {
    return vec4(weight[at.x], weight[at.y], 0.0, 0.0);
  }
  return vec4(weight[at.x], weight[at.y], weight[at.z], weight[at.w]);
}

fn store_row(phase: Phase, m: u32, col: u32, values: vec4<f32>) {
  let pixel = pixel_of(phase, m);
  let y = pixel.y * STRIDE + phase.first.x;
  let x = pixel.z * STRIDE + phase.first.y;
  let at = ((pixel.x * params.h + y) * params.w + x) * params.c;
  for (var j = 0u; j < COLS; j++) {
    if (m < phase.pixels && col + j * WGX < params.c) {
      dx[at + col + j * WGX] = values[j];
    }
  }
}

@compute @workgroup_size(WGX, WGY)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_id) thread: vec3<u32>,
) {
  let across = (params.c + COLS * WGX - 1u) / (COLS * WGX);
  let phase = phase_of(linear_workgroup(group, groups) % (STRIDE * STRIDE));
  let index = linear_workgroup(group, groups) / (STRIDE * STRIDE);
  let row = (index / across * WGY + thread.y) * ROWS;
  let col = index % across * COLS * WGX + thread.x;
  if (index / across * WGY * ROWS >= phase.pixels) {
    return; // uniform over the workgroup
  }
  let m = row + thread.x % LANES;
  let origins = array<vec3<u32>, 8>(
    origin(phase, m, 0u), origin(phase, m, 1u), origin(phase, m, 2u), origin(phase, m, 3u),
    origin(phase, m, 4u), origin(phase, m, 5u), origin(phase, m, 6u), origin(phase, m, 7u),
  );
  let cols = tile_cols(col, params.c);

  var tile = tile_start(vec4(0.0));
  for (var u = 0u; u < phase.taps.x; u++) {
    let at = array<vec2<u32>, 8>(
      segment(origins[0], u), segment(origins[1], u), segment(origins[2], u),
      segment(origins[3], u), segment(origins[4], u), segment(origins[5], u),
      segment(origins[6], u), segment(origins[7], u),
    );
    for (var v = 0u; v < phase.taps.y; v++) {
      let tap = phase.tap + vec2(u, phase.taps.y - 1u - v) * STRIDE;
      let start = ((tap.x * params.s + tap.y) * params.c + cols) * params.o;
      for (var n = 0u; n < params.o; n++) {
        let k = v * params.o + n;
        let values = array<f32, 8>(
          load_dy(at[0], k, 0u), load_dy(at[1], k, 1u), load_dy(at[2], k, 2u),
          load_dy(at[3], k, 3u), load_dy(at[4], k, 4u), load_dy(at[5], k, 5u),
          load_dy(at[6], k, 6u), load_dy(at[7], k, 7u),
        );
        tile = tile_step(tile, values, load_weight(start + n));
      }
    }
  }

  let quads = (min(ROWS, phase.pixels - min(row, phase.pixels)) + 3u) / 4u;
  for (var q = 0u; q < quads; q++) {
    let quad = tile_quad(tile, q);
    store_row(phase, row + 4u * q, col, quad[0]);
    store_row(phase, row + 4u * q + 1u, col, quad[1]);
    store_row(phase, row + 4u * q + 2u, col, quad[2]);
    store_row(phase, row + 4u * q + 3u, col, quad[3]);
  }
}
