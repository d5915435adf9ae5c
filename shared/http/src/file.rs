//! Files that people download.

use axum::{
    http::header,
    response::{IntoResponse as _, Response},
};

/// A file of CSV under this name, which nobody keeps a copy of on the way.
///
/// Its bytes arrive as they are, the mark included by which spreadsheets know UTF-8. `lambda_http` hands
/// on as text what its type calls text, and decoding takes that mark away; of what names a content
/// coding it takes the bytes.
pub fn csv_file(name: &str, bytes: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_ENCODING, "identity".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, bytes).into_response()
}

#[cfg(test)]
mod tests {
    use lambda_http::{Body, IntoResponse};

    use super::*;

    #[tokio::test]
    async fn the_bytes_of_a_file_pass_through_lambda_as_they_are() {
        let bytes = "\u{feff}编号,金额\r\n1,30.00\r\n".as_bytes().to_vec();
        let passed = IntoResponse::into_response(csv_file("a.csv", bytes.clone())).await;
        assert_eq!(passed.body(), &Body::Binary(bytes));
        assert_eq!(passed.headers()["content-disposition"], "attachment; filename=\"a.csv\"");
    }
}
