package capture

// Version is written in the source block of every change.
const Version = "0.1.0"
