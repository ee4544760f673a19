"""Pre-trained models: catalog, loading, precision, chat rendering, engine."""
