//! Operations that are served and not described.

use axum::{Router, routing::MethodRouter};
use utoipa::openapi::HttpMethod;
use utoipa_axum::PathItemExt as _;

/// The operations of a function, with as much of the interface of `OpenApiRouter` as functions use.
#[derive(Debug, Clone)]
pub struct Operations<S = ()>(Router<S>);

impl<S: Clone + Send + Sync + 'static> Operations<S> {
    /// None yet.
    #[expect(clippy::new_without_default, reason = "the interface is that of `OpenApiRouter`")]
    pub fn new() -> Self {
        Self(Router::new())
    }

    /// And these, of one path.
    #[must_use]
    pub fn routes(self, route: Route<S>) -> Self {
        Self(self.0.route(&route.path, route.methods))
    }

    /// And these, below a path.
    #[must_use]
    pub fn nest(self, path: &str, operations: Self) -> Self {
        Self(self.0.nest(path, operations.0))
    }

    /// With what they need.
    pub fn with_state<T>(self, state: S) -> Operations<T> {
        Operations(self.0.with_state(state))
    }
}

impl From<Operations> for Router {
    fn from(operations: Operations) -> Self {
        operations.0
    }
}

/// The operations of one path.
#[derive(Debug)]
pub struct Route<S> {
    path: String,
    methods: MethodRouter<S>,
}

impl<S: Clone> Route<S> {
    /// No operation yet.
    pub fn of(path: String) -> Self {
        Self { path, methods: MethodRouter::new() }
    }

    /// And this one.
    #[must_use]
    pub fn on<H, T>(self, methods: &[HttpMethod], handler: &H) -> Self
    where
        H: axum::handler::Handler<T, S>,
        T: 'static,
        S: Send + Sync + 'static,
    {
        let routes =
            methods.iter().fold(self.methods, |routes, method| routes.on(method.to_method_filter(), handler.clone()));
        Self { methods: routes, ..self }
    }
}

/// The operations of one path, by their handlers: path and methods are those of the attributes on them.
#[doc(hidden)]
#[macro_export]
macro_rules! routes_alone {
    ($first:path $(, $more:path)* $(,)?) => {
        $crate::served::paste! {
            $crate::served::Route::of($crate::served::described!(@path [path()] of $first))
                .on(&$crate::served::described!(@path [methods()] of $first), &$first)
                $( .on(&$crate::served::described!(@path [methods()] of $more), &$more) )*
        }
    };
}

#[doc(hidden)]
pub use utoipa_axum::{paste, routes as described};

#[cfg(test)]
mod tests {
    use axum::{
        Router,
        body::Body,
        extract::{Path, State},
        http::{Method, Request, StatusCode},
    };
    use tower::ServiceExt as _;
    use utoipa_axum::{router::OpenApiRouter, routes as described};

    use super::Operations;

    mod things {
        use super::{Path, State};

        /// Shows a thing.
        #[utoipa::path(get, path = "/things/{id}", responses((status = 200)))]
        pub(super) async fn read(State(shop): State<&'static str>, Path(id): Path<String>) -> String {
            format!("{id} of {shop}")
        }

        /// Takes a thing.
        #[utoipa::path(delete, path = "/things/{id}", responses((status = 200)))]
        pub(super) async fn take(Path(id): Path<String>) -> String {
            format!("took {id}")
        }
    }

    /// Lists the things.
    #[utoipa::path(get, path = "/things", responses((status = 200)))]
    async fn list() -> &'static str {
        "all"
    }

    /// The same lines with both kinds of operations.
    macro_rules! shop {
        ($operations:ty, $routes:ident) => {{
            let things = <$operations>::new()
                .routes($routes!(things::read, things::take))
                .routes($routes!(list))
                .with_state("the shop");
            Router::from(<$operations>::new().nest("/shop", things))
        }};
    }

    async fn ask(router: &Router, method: &Method, path: &str) -> (StatusCode, String) {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let body = axum::body::to_bytes(answer.into_body(), 1024).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn they_answer_as_those_that_are_described() {
        let alone = shop!(Operations<_>, routes_alone);
        let described = shop!(OpenApiRouter<_>, described);
        let asked = [
            (Method::GET, "/shop/things"),
            (Method::GET, "/shop/things/7"),
            (Method::DELETE, "/shop/things/7"),
            (Method::POST, "/shop/things/7"),
            (Method::GET, "/things"),
        ];
        let mut answers = Vec::new();
        for (method, path) in &asked {
            let answer = ask(&alone, method, path).await;
            assert_eq!(answer, ask(&described, method, path).await, "{method} {path}");
            answers.push((answer.0.as_u16(), answer.1));
        }
        let expected = [(200, "all"), (200, "7 of the shop"), (200, "took 7"), (405, ""), (404, "")];
        assert_eq!(answers, expected.map(|(status, body)| (status, body.to_owned())));
    }
}
