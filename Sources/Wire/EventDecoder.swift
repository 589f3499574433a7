import CSimdjson
package import Core

/// Turns lines into events: simdjson behind a C boundary fills plain rows, and nothing here costs an
/// allocation per event.
///
/// One decoder belongs to one connection at a time and keeps its buffers from slab to slab.
package struct EventDecoder: ~Copyable {
    /// Bytes that must be readable behind a slab; what they hold does not matter.
    package static let padding = event_decoder_padding()

    private let decoder: OpaquePointer

    /// - Parameter settings: `schema`, `clock.zone` and `limits` are used.
    /// - Parameter hashSeed: keys the tables of strings; nothing that comes out depends on it.
    package init(settings: Settings, hashSeed: UInt64 = .random(in: .min ... .max)) {
        Self.checkLayouts()
        let limits = settings.limits
        let zone = settings.clock.zone
        decoder = zone.starts.withUnsafeBufferPointer { starts in
            zone.offsets.withUnsafeBufferPointer { offsets in
                var config = event_decoder_config()
                config.line_bytes = limits.lineBytes
                config.nesting = limits.nesting
                config.items_per_event = min(limits.itemsPerEvent, Self.mostItems)
                config.dead_letter_bytes = limits.deadLetterBytes
                config.hash_seed = hashSeed
                config.zone_starts = starts.baseAddress
                config.zone_offsets = offsets.baseAddress
                config.zone_count = starts.count
                return event_decoder_create(&config)
            }
        }
        for (field, keys) in settings.schema.fields {
            for (rank, key) in keys.enumerated() { addKey(key, rank: rank, field: field) }
        }
        for (from, to) in settings.schema.eventNames { mapName(from, to) }
    }

    deinit { event_decoder_destroy(decoder) }

    /// So many items, with all else that one event can name, always fit an empty batch's dictionary.
    private static let mostItems = 65_000

    private func addKey(_ key: String, rank: Int, field: String) {
        var key = key
        let known = key.withUTF8 {
            event_decoder_add_key(decoder, field, UInt32(rank), $0.baseAddress, $0.count)
        }
        precondition(known, "schema.fields has an unknown field")
    }

    private func mapName(_ from: String, _ to: String) {
        var from = from
        var to = to
        from.withUTF8 { from in
            to.withUTF8 { to in
                event_decoder_map_name(decoder, from.baseAddress, from.count, to.baseAddress, to.count)
            }
        }
    }

    /// Decodes whole lines (the last one's newline may be missing) up to the first control line.
    ///
    /// `consumed` counts the control line and its newline: go on from there until it is the slab's size.
    /// - Parameter slab: fewer than 2³¹ bytes, with `padding` readable bytes behind it.
    /// - Parameter isStreamStart: a byte order mark may stand before the first line.
    package mutating func decode(slab: UnsafeRawBufferPointer, isStreamStart: Bool) -> DecodedSlab {
        precondition(slab.count < 1 << 31)
        var out = decoded_slab()
        event_decoder_decode(
            decoder, slab.baseAddress?.assumingMemoryBound(to: UInt8.self), slab.count, isStreamStart, &out)
        return DecodedSlab(
            batch: Self.batch(from: out, slab: slab), consumed: out.consumed, stop: Self.stop(of: out))
    }

    private static func stop(of out: decoded_slab) -> DecodedSlab.Stop {
        switch Int(out.stop) {
        case slab_control:
            .control(Int(out.control.offset)..<Int(out.control.offset) + Int(out.control.length))
        case slab_full: .full
        default: .end
        }
    }
}

extension EventDecoder: SlabDecoder {
    /// The same for a connection, which takes the control line itself: `consumed` ends before it.
    package mutating func decode(_ slab: UnsafeRawBufferPointer, streamStart: Bool) -> DecodedSlab {
        var decoded = decode(slab: slab, isStreamStart: streamStart)
        if case .control(let range) = decoded.stop { decoded.consumed = range.lowerBound }
        return decoded
    }
}
