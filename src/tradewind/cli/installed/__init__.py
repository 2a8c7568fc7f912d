"""Commands about what is installed beside Tradewind: plugins, provider packages."""
