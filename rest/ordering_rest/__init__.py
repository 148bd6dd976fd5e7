"""The REST faces: the Product Order Open API (`parity`), and what operators need (`operations`)."""
