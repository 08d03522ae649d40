"""CSV imports: inside a request, or of an uploaded file by a job."""
