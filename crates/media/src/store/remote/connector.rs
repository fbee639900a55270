//! The object storage's requests over our one client.

use std::pin::Pin;

use http_body_util::BodyExt as _;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};

use crate::Upstream;
use crate::upstream::SendError;

/// Sends by this client.
#[derive(Debug, Clone)]
pub(super) struct OverUpstream(pub(super) Upstream);

impl HttpConnector for OverUpstream {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

impl HttpService for OverUpstream {
    // As `async_trait` writes it, without the macro.
    fn call<'a, 'b>(
        &'a self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move {
            let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
            let response = self.0.send(request).await.map_err(|error| {
                let kind = match &error {
                    SendError::Connect(_) => HttpErrorKind::Connect,
                    SendError::Head(_) => HttpErrorKind::Timeout,
                    // It may have been done: only what can be done twice is tried again.
                    SendError::Broken(_) => HttpErrorKind::Interrupted,
                };
                HttpError::new(kind, error)
            })?;
            Ok(response.map(|body| {
                let cut = |error| HttpError::new(HttpErrorKind::Interrupted, error);
                HttpResponseBody::new(body.map_err(cut))
            }))
        })
    }
}
