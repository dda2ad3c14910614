// draw — what was drawn for the augmentation of one image: a row of `draws`, whose fields the host
// packs in this order (DRAW in engine/ops/augment.ts).

struct Draw {
  top: f32, // of the crop box; whole pixels of the source, as the next three
  left: f32,
  height: f32,
  width: f32,
  flip: f32, // 1: mirror left and right
  order: array<f32, 4>, // the changes of colour in the order they are made, by number
  brightness: f32, // a factor; 1 changes nothing
  contrast: f32, // likewise
  saturation: f32, // likewise
  hue: f32, // turns; 0 changes nothing
  grayscale: f32, // 1: make gray
  sigma: f32, // of the blur, as a share of the side; 0 changes nothing
}
