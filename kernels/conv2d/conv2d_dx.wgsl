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
// correlation of stride 1 with a part of the bank, done as in conv2d with no tap in vain. Each sum
// runs over (u, v, n) in order; its error is at most r · s · o units in the last place of the sum
// of magnitudes.

const ROWS: u32 = 8; // pixels of a thread's tile
const LANES: u32 = 1; // threads that load their pixels together (tile_own, tile_subgroup)
const WGX: u32 = 8; // threads along the channels; a multiple of LANES
const WGY: u32 = 8; // threads along the pixels
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
  shift: vec2<u32>, // (row of dy that the first tap meets) − (row among the phase's)
}

fn phase_of(index: u32) -> Phase {
  let first = vec2(index / STRIDE, index % STRIDE);
  let size = (vec2(params.h, params.w) + STRIDE - 1u - first) / STRIDE;
  let tap = (first + params.padding) % STRIDE;
  let shift = (first + params.padding - tap) / STRIDE;
  return Phase(first, size, params.images * size.x * size.y, tap, shift);
}

// The image, row and column of a pixel among its phase's.
fn pixel_of(phase: Phase, m: u32) -> vec3<u32> {
  let i = m / phase.size.y;
  return vec3(i / phase.size.x, i % phase.size.x, m % phase.size.y);
}

// The image of this thread's r-th pixel, and the row and column of dy under its first tap.
fn origin(phase: Phase, row: u32, r: u32) -> vec3<u32> {
  return pixel_of(phase, min(row + r * LANES, phase.pixels - 1u)) + vec3(0u, phase.shift);
}

// `step` counts taps of the phase; later taps lie before the first, and may wrap around.
fn inside(origin: vec3<u32>, step: vec2<u32>) -> bool {
  return origin.y - step.x < params.hOut && origin.z - step.y < params.wOut;
}

// Where the channels of dy under a tap begin; 0 beyond the border.
fn place(origin: vec3<u32>, step: vec2<u32>) -> u32 {
  let i = origin.x * params.hOut + origin.y - step.x;
  return select(0u, (i * params.wOut + origin.z - step.y) * params.o, inside(origin, step));
}

fn load(at: u32, inside: bool, r: u32) -> f32 {
  if (r * LANES >= ROWS) {
    return 0.0; // none of the tile's rows
  }
  return select(0.0, dy[at], inside);
}

fn store_row(phase: Phase, m: u32, col: u32, values: vec4<f32>) {
  let pixel = pixel_of(phase, m);
  let y = pixel.y * STRIDE + phase.first.x;
  let x = pixel.z * STRIDE + phase.first.y;
  let at = ((pixel.x * params.h + y) * params.w + x) * params.c;
  for (var j = 0u; j < 4u; j++) {
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
  let across = (params.c + 4u * WGX - 1u) / (4u * WGX);
  let phase = phase_of(linear_workgroup(group, groups) % (STRIDE * STRIDE));
  let index = linear_workgroup(group, groups) / (STRIDE * STRIDE);
  let row = (index / across * WGY + thread.y) * ROWS;
  let col = index % across * 4u * WGX + thread.x;
  if (index / across * WGY * ROWS >= phase.pixels) {
    return; // uniform over the workgroup
  }
  let m = row + thread.x % LANES;
  let origins = array<vec3<u32>, 8>(
    origin(phase, m, 0u), origin(phase, m, 1u), origin(phase, m, 2u), origin(phase, m, 3u),
    origin(phase, m, 4u), origin(phase, m, 5u), origin(phase, m, 6u), origin(phase, m, 7u),
  );
  let cols = min(vec4(col, col + WGX, col + 2u * WGX, col + 3u * WGX), vec4(params.c - 1u));

  var tile: Tile;
  let taps = (vec2(params.r, params.s) + STRIDE - 1u - phase.tap) / STRIDE;
  var step = vec2(0u);
  for (var t = 0u; t < taps.x * taps.y; t++) {
    let meets = array<bool, 8>(
      inside(origins[0], step), inside(origins[1], step), inside(origins[2], step),
      inside(origins[3], step), inside(origins[4], step), inside(origins[5], step),
      inside(origins[6], step), inside(origins[7], step),
    );
    let at = array<u32, 8>(
      place(origins[0], step), place(origins[1], step), place(origins[2], step),
      place(origins[3], step), place(origins[4], step), place(origins[5], step),
      place(origins[6], step), place(origins[7], step),
    );
    let tap = phase.tap + step * STRIDE;
    let start = ((tap.x * params.s + tap.y) * params.c + cols) * params.o;
    for (var n = 0u; n < params.o; n++) {
      let values = array<f32, 8>(
        load(at[0] + n, meets[0], 0u), load(at[1] + n, meets[1], 1u),
        load(at[2] + n, meets[2], 2u), load(at[3] + n, meets[3], 3u),
        load(at[4] + n, meets[4], 4u), load(at[5] + n, meets[5], 5u),
        load(at[6] + n, meets[6], 6u), load(at[7] + n, meets[7], 7u),
      );
      let to = start + n;
      let bank = vec4(weight[to.x], weight[to.y], weight[to.z], weight[to.w]);
      tile = tile_step(tile, values, bank);
    }
    step.y += 1u;
    if (step.y == taps.y) {
      step = vec2(step.x + 1u, 0u);
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
