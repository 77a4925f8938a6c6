//! Export of charts as images, in the colours that they have on the page.

use crate::chart::canvas::{png_of, svg_of};
use crate::chart::scene::{Scene, Size};
use crate::context::{AppContext, app};
use crate::download;
use crate::tr;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlCanvasElement;

/// Size of an exported image without its legend, in CSS pixels.
pub const PICTURE: Size = Size {
    width: 800.0,
    height: 400.0,
};

/// Buttons that save a chart as SVG and as PNG.
#[component]
pub fn PictureButtons(
    /// `data-testid` of the chart's canvas, whose colours the image uses.
    chart: &'static str,
    /// File name without extension.
    name: &'static str,
    /// Title of the chart, for the labels of the buttons.
    title: String,
    /// Lays out the image.
    #[prop(into)]
    picture: Callback<(), (Scene, Size)>,
) -> impl IntoView {
    let app = app();
    let button = |form: &'static str, words: &'static str| {
        let testid = format!("{chart}-{form}");
        let label = tr!(
            "{form}: picture of the chart “{title}”",
            form = words,
            title
        );
        let save = move |_| save(app, chart, name, form, picture.run(()));
        view! {
            <button type="button" data-testid=testid aria-label=label.clone() title=label on:click=save>
                {words}
            </button>
        }
    };
    view! { {button("svg", "SVG")} {button("png", "PNG")} }
}

fn save(app: AppContext, chart: &str, name: &str, form: &str, (scene, size): (Scene, Size)) {
    match canvas(chart) {
        Some(canvas) if form == "svg" => {
            app.save_text(&format!("{name}.svg"), &svg_of(&canvas, &scene, size))
        }
        canvas => save_png(
            app,
            name,
            canvas.and_then(|canvas| png_of(&canvas, &scene, size)),
        ),
    }
}

/// Downloads a PNG data URL as `name` with its extension, or shows an error if there is none.
pub fn save_png(app: AppContext, name: &str, url: Option<String>) {
    match url {
        Some(url) => download::save_url(&format!("{name}.png"), &url),
        None => app.show_error(
            tr!("The picture could not be made."),
            tr!("Try again while the chart is in view."),
        ),
    }
}

fn canvas(chart: &str) -> Option<HtmlCanvasElement> {
    let found = document()
        .query_selector(&format!("canvas[data-testid={chart}]"))
        .ok()??;
    found.dyn_into().ok()
}
