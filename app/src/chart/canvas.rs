//! Paints a [`Scene`] on a canvas. Colours come from custom properties of the style sheet, so that
//! all themes are defined in one place.

use super::export::svg;
use super::scene::{Anchor, BAND_OPACITY, ColorRole, DASHES, Mark, Plot, RUN_INKS, Scene, Size};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, CssStyleDeclaration, HtmlCanvasElement};

const FONT: &str = "12px system-ui, sans-serif";
const DOT_RADIUS: f64 = 4.0;

/// Paints a scene laid out at `size`, enlarged by [`zoom`]; a canvas without a drawing context stays
/// empty.
pub fn paint(canvas: &HtmlCanvasElement, size: Size, scene: &Scene) {
    let context = canvas.get_context("2d").ok().flatten();
    let Some(context) =
        context.and_then(|context| context.dyn_into::<CanvasRenderingContext2d>().ok())
    else {
        return;
    };
    let Some(colours) = Colours::of(canvas) else {
        return;
    };
    let ratio = zoom() * web_sys::window().map_or(1.0, |window| window.device_pixel_ratio());
    fit(canvas, size, ratio);
    let painted = Painter { context, colours }.paint(scene, size, ratio);
    if let Err(error) = painted {
        web_sys::console::warn_2(&"a chart could not be painted".into(), &error);
    }
}

/// Returns the font size of the page relative to a browser's default, 16 px: charts grow with the
/// text around them, as in presenting mode.
pub fn zoom() -> f64 {
    let size = || {
        let window = web_sys::window()?;
        let root = window.document()?.document_element()?;
        let style = window.get_computed_style(&root).ok()??;
        let size = style.get_property_value("font-size").ok()?;
        size.trim_end_matches("px").parse::<f64>().ok()
    };
    size()
        .filter(|size| *size > 0.0)
        .map_or(1.0, |size| size / 16.0)
}

/// Returns a scene as an SVG document in the colours of this canvas; empty if its style is
/// unavailable.
pub fn svg_of(canvas: &HtmlCanvasElement, scene: &Scene, size: Size) -> String {
    let Some(colours) = Colours::of(canvas) else {
        return String::new();
    };
    svg(scene, size, &colours.property("--surface"), |ink| {
        colours.of_ink(ink)
    })
}

/// Returns a scene as a PNG data URL in the colours of this canvas.
pub fn png_of(canvas: &HtmlCanvasElement, scene: &Scene, size: Size) -> Option<String> {
    picture(canvas, size, |context, colours| {
        Painter { context, colours }.marks(scene)
    })
}

/// Paints an image in the background and the colours of `styled`, sharp enough for print, and
/// returns it as a PNG data URL; `None` if it cannot be painted or exceeds the browser's maximum
/// canvas size.
pub(super) fn picture(
    styled: &HtmlCanvasElement,
    size: Size,
    paint: impl FnOnce(CanvasRenderingContext2d, Colours) -> Result<(), JsValue>,
) -> Option<String> {
    let colours = Colours::of(styled)?;
    let picture: HtmlCanvasElement = styled
        .owner_document()?
        .create_element("canvas")
        .ok()?
        .dyn_into()
        .ok()?;
    fit(&picture, size, EXPORT_RATIO);
    let context: CanvasRenderingContext2d = picture.get_context("2d").ok()??.dyn_into().ok()?;
    context
        .set_transform(EXPORT_RATIO, 0.0, 0.0, EXPORT_RATIO, 0.0, 0.0)
        .ok()?;
    context.set_fill_style_str(&colours.property("--surface"));
    context.fill_rect(0.0, 0.0, size.width, size.height);
    paint(context, colours).ok()?;
    picture
        .to_data_url()
        .ok()
        .filter(|url| url.starts_with("data:image/png"))
}

/// Device pixels per CSS pixel in exported images.
const EXPORT_RATIO: f64 = 2.0;

/// Sets the size of the canvas bitmap if it has changed: setting it clears the canvas and
/// reallocates its memory.
pub(super) fn fit(canvas: &HtmlCanvasElement, size: Size, ratio: f64) {
    let (width, height) = (
        (size.width * ratio).round() as u32,
        (size.height * ratio).round() as u32,
    );
    if canvas.width() != width || canvas.height() != height {
        canvas.set_width(width);
        canvas.set_height(height);
    }
}

pub(super) struct Colours {
    style: CssStyleDeclaration,
}

impl Colours {
    pub(super) fn of(canvas: &HtmlCanvasElement) -> Option<Self> {
        let style = web_sys::window()?.get_computed_style(canvas).ok()??;
        Some(Self { style })
    }

    pub(super) fn property(&self, name: &str) -> String {
        self.style
            .get_property_value(name)
            .unwrap_or_default()
            .trim()
            .to_string()
    }

    fn of_ink(&self, ink: ColorRole) -> String {
        match ink {
            ColorRole::Run(index) => self.property(&format!("--run-{}", index % RUN_INKS)),
            ColorRole::Metric(index) => self.property(&format!("--metric-{index}")),
            ColorRole::Grid => self.property("--line"),
            ColorRole::Label | ColorRole::Baseline => self.property("--muted"),
        }
    }
}

struct Painter {
    context: CanvasRenderingContext2d,
    colours: Colours,
}

impl Painter {
    fn paint(&self, scene: &Scene, size: Size, ratio: f64) -> Result<(), JsValue> {
        self.context
            .set_transform(ratio, 0.0, 0.0, ratio, 0.0, 0.0)?;
        self.context.clear_rect(0.0, 0.0, size.width, size.height);
        self.marks(scene)
    }

    fn marks(&self, scene: &Scene) -> Result<(), JsValue> {
        scene
            .marks
            .iter()
            .try_for_each(|mark| self.mark(mark, &scene.plot))
    }

    fn mark(&self, mark: &Mark, plot: &Plot) -> Result<(), JsValue> {
        match mark {
            Mark::Line {
                points,
                ink,
                width,
                opacity,
                dash,
            } => self.clipped(plot, || {
                self.line(points, *ink, (*width, *opacity), DASHES[*dash])
            }),
            Mark::Band { points, ink } => self.clipped(plot, || {
                self.band(points, *ink);
                Ok(())
            }),
            Mark::Dots { points, ink } => self.clipped(plot, || self.dots(points, *ink)),
            Mark::Text {
                at,
                text,
                anchor,
                ink,
            } => self.text(*at, text, *anchor, *ink),
        }
    }

    fn clipped(
        &self,
        plot: &Plot,
        draw: impl FnOnce() -> Result<(), JsValue>,
    ) -> Result<(), JsValue> {
        let (left, top) = (plot.left - DOT_RADIUS, plot.top - DOT_RADIUS);
        self.context.save();
        self.context.begin_path();
        let (width, height) = (
            plot.right - left + DOT_RADIUS,
            plot.bottom - top + DOT_RADIUS,
        );
        self.context.rect(left, top, width, height);
        self.context.clip();
        let drawn = draw();
        self.context.restore();
        drawn
    }

    fn line(
        &self,
        points: &[(f64, f64)],
        ink: ColorRole,
        (width, opacity): (f64, f64),
        dash: &[f64],
    ) -> Result<(), JsValue> {
        let dashes: js_sys::Array = dash
            .iter()
            .map(|length| JsValue::from_f64(*length))
            .collect();
        self.context.set_line_dash(&dashes)?;
        self.context.set_stroke_style_str(&self.colours.of_ink(ink));
        self.context.set_global_alpha(opacity);
        self.context.set_line_width(width);
        self.context.set_line_join("round");
        self.path(points);
        self.context.stroke();
        Ok(())
    }

    fn band(&self, points: &[(f64, f64)], ink: ColorRole) {
        self.context.set_fill_style_str(&self.colours.of_ink(ink));
        self.context.set_global_alpha(BAND_OPACITY);
        self.path(points);
        self.context.fill();
    }

    fn path(&self, points: &[(f64, f64)]) {
        self.context.begin_path();
        for (index, (x, y)) in points.iter().enumerate() {
            if index == 0 {
                self.context.move_to(*x, *y)
            } else {
                self.context.line_to(*x, *y)
            }
        }
    }

    fn dots(&self, points: &[(f64, f64)], ink: ColorRole) -> Result<(), JsValue> {
        self.context.set_fill_style_str(&self.colours.of_ink(ink));
        self.context
            .set_stroke_style_str(&self.colours.property("--surface"));
        self.context.set_line_width(1.5);
        for (x, y) in points {
            self.context.begin_path();
            self.context
                .arc(*x, *y, DOT_RADIUS, 0.0, std::f64::consts::TAU)?;
            self.context.fill();
            self.context.stroke();
        }
        Ok(())
    }

    /// Paints a text with an outline in the background colour, which keeps it readable where lines
    /// cross it.
    fn text(
        &self,
        (x, y): (f64, f64),
        text: &str,
        anchor: Anchor,
        ink: ColorRole,
    ) -> Result<(), JsValue> {
        let align = match anchor {
            Anchor::Start => "left",
            Anchor::Middle => "center",
            Anchor::End => "right",
        };
        self.context.set_global_alpha(1.0);
        self.context.set_font(FONT);
        self.context.set_text_align(align);
        self.context.set_text_baseline("middle");
        self.context.set_line_width(3.0);
        self.context.set_line_dash(&js_sys::Array::new())?;
        self.context
            .set_stroke_style_str(&self.colours.property("--surface"));
        self.context.stroke_text(text, x, y)?;
        self.context.set_fill_style_str(&self.colours.of_ink(ink));
        self.context.fill_text(text, x, y)
    }
}
