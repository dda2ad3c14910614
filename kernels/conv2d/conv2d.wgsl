// conv2d — correlation of images with a bank of kernels, channels last, zeros beyond the border.
//
//   y[b, i, j, n] = Σ_{u,v,k} x[b, i·stride + u − pad, j·stride + v − pad, k] · weight[u, v, k, n]
//
//   x       f32[B, h, w, c]
//   weight  f32[taps = r · s, c, o]      u < r, v < s
//   y       f32[pixels = B · hOut · wOut, o]
//
// A product of matrices whose left one, f32[pixels, taps · c], is gathered and never stored; tiles
// as in matmul, with pixels for rows. Where a tap meets a pixel is found once per tap, so the loop
// over channels is matmul's. Each sum runs over (u, v, k) in order; its error is at most taps · c
// units in the last place of the sum of magnitudes.

const ROWS: u32 = 8; // pixels of a thread's tile
const LANES: u32 = 1; // threads that load their pixels together (tile_own, tile_subgroup)
const WGX: u32 = 8; // threads along the channels; a multiple of LANES
const WGY: u32 = 8; // threads along the pixels

struct Params {
  pixels: u32, h: u32, w: u32, c: u32, hOut: u32, wOut: u32, o: u32,
  taps: u32, s: u32, stride: u32, padding: u32 /* pad */,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

// The image of this thread's r-th pixel, and the row and column of x under its first tap. A place
// before the border wraps around and so is beyond it.
fn origin(row: u32, r: u32) -> vec3<u32> {
  let pixel = min(row + r * LANES, params.pixels - 1u);
  let i = pixel / params.wOut;
  let first = vec2(i % params.hOut, pixel % params.wOut) * params.stride - params.padding;
  return vec3(i / params.hOut, first);
}

fn inside(origin: vec3<u32>, tap: vec2<u32>) -> bool {
  return origin.y + tap.x < params.h && origin.z + tap.y < params.w;
}

// Where the channels of x under a tap begin; 0 beyond the border.
fn place(origin: vec3<u32>, tap: vec2<u32>) -> u32 {
  let at = ((origin.x * params.h + origin.y + tap.x) * params.w + origin.z + tap.y) * params.c;
  return select(0u, at, inside(origin, tap));
}

fn load(at: u32, inside: bool, r: u32) -> f32 {
  if (r * LANES >= ROWS) {
    return 0.0; // none of the tile's rows
  }
  return select(0.0, x[at], inside);
}

fn store_row(pixel: u32, col: u32, values: vec4<f32>) {
  for (var j = 0u; j < 4u; j++) {
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
  let across = (params.o + 4u * WGX - 1u) / (4u * WGX);
  let index = linear_workgroup(group, groups);
  let row = (index / across * WGY + thread.y) * ROWS;
  let col = index % across * 4u * WGX + thread.x;
  let m = row + thread.x % LANES;
  let origins = array<vec3<u32>, 8>(
    origin(m, 0u), origin(m, 1u), origin(m, 2u), origin(m, 3u),
    origin(m, 4u), origin(m, 5u), origin(m, 6u), origin(m, 7u),
  );
  let cols = min(vec4(col, col + WGX, col + 2u * WGX, col + 3u * WGX), vec4(params.o - 1u));

  var tile: Tile;
  var tap = vec2(0u);
  for (var t = 0u; t < params.taps; t++) {
    let meets = array<bool, 8>(
      inside(origins[0], tap), inside(origins[1], tap), inside(origins[2], tap),
      inside(origins[3], tap), inside(origins[4], tap), inside(origins[5], tap),
      inside(origins[6], tap), inside(origins[7], tap),
    );
    let at = array<u32, 8>(
      place(origins[0], tap), place(origins[1], tap), place(origins[2], tap),
      place(origins[3], tap), place(origins[4], tap), place(origins[5], tap),
      place(origins[6], tap), place(origins[7], tap),
    );
    for (var ch = 0u; ch < params.c; ch++) {
      let values = array<f32, 8>(
        load(at[0] + ch, meets[0], 0u), load(at[1] + ch, meets[1], 1u),
        load(at[2] + ch, meets[2], 2u), load(at[3] + ch, meets[3], 3u),
        load(at[4] + ch, meets[4], 4u), load(at[5] + ch, meets[5], 5u),
        load(at[6] + ch, meets[6], 6u), load(at[7] + ch, meets[7], 7u),
      );
      let k = (t * params.c + ch) * params.o;
      let bank = vec4(
        weight[k + cols.x], weight[k + cols.y], weight[k + cols.z], weight[k + cols.w],
      );
      tile = tile_step(tile, values, bank);
    }
    tap.y += 1u;
    if (tap.y == params.s) {
      tap = vec2(tap.x + 1u, 0u);
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
