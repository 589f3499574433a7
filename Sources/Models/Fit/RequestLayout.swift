/// Where the parts of a segments request lie, so that its columns can be filled where they will be read.
package struct SegmentsLayout: Sendable {
    /// The first bytes of the request, all but the columns.
    package let head: [UInt8]
    /// Byte offset of each feature's column of `users` Doubles, in the configuration's order.
    package let features: [Int]
    /// Byte offsets of the columns of Doubles that are not clustered.
    package let daysSinceLastEvent: Int
    package let daysSinceLastPurchase: Int
    package let revenue: Int
    package let daysSinceFirstEvent: Int
    /// Byte offset of the column of `users` bytes; those after it up to `byteCount` are to be 0.
    package let heldOut: Int
    /// Length of the request.
    package let byteCount: Int

    package init(users: Int, config: SegmentsConfig, seed: UInt64, previous: SegmentsModel?) {
        var writer = ByteWriter()
        writer.put(FitRequest.magic)
        writer.put(FitRequest.version)
        writer.put(FitRequest.segmentsName)
        writer.put(seed)
        config.write(to: &writer)
        writer.put(previous?.bytes ?? [])
        writer.put(UInt64(users))
        writer.align()
        head = writer.bytes
        let start = head.count
        let column = users * 8
        features = config.features.indices.map { start + $0 * column }
        let side = start + config.features.count * column
        daysSinceLastEvent = side
        daysSinceLastPurchase = side + column
        revenue = side + 2 * column
        daysSinceFirstEvent = side + 3 * column
        heldOut = side + 4 * column
        byteCount = heldOut + (users + 7) / 8 * 8
    }

    /// A whole request in an array, for small ones and tests.
    package func request(_ columns: SegmentsColumns) -> [UInt8] {
        var bytes = head
        bytes.reserveCapacity(byteCount)
        let side = [
            columns.daysSinceLastEvent, columns.daysSinceLastPurchase, columns.revenue,
            columns.daysSinceFirstEvent,
        ]
        for column in columns.features + side { bytes.append(contentsOf: UnsafeRawBufferPointer(column)) }
        bytes.append(contentsOf: columns.heldOut)
        bytes.append(contentsOf: [UInt8](repeating: 0, count: byteCount - bytes.count))
        return bytes
    }
}

/// Where the parts of a repurchase request lie.
package struct RepurchaseLayout: Sendable {
    /// The first bytes of the request, all but the columns.
    package let head: [UInt8]
    /// Byte offset of the purchase days, `days` Int32; what is left up to `offsets` is to be 0.
    package let days: Int
    /// Byte offset of `buyers` + 1 UInt32; what is left up to `heldOut` is to be 0.
    package let offsets: Int
    /// Byte offset of `buyers` bytes; what is left up to `byteCount` is to be 0.
    package let heldOut: Int
    /// Length of the request.
    package let byteCount: Int

    package init(
        buyers: Int, days count: Int, asOfDay: Int32, config: RepurchaseConfig, previous: RepurchaseModel?
    ) {
        var writer = ByteWriter()
        writer.put(FitRequest.magic)
        writer.put(FitRequest.version)
        writer.put(FitRequest.repurchaseName)
        writer.put(UInt64(max(0, config.minimumIntervals)))
        writer.put(previous?.bytes ?? [])
        writer.put(asOfDay)
        writer.put(UInt64(buyers))
        writer.put(UInt64(count))
        writer.align()
        func aligned(_ bytes: Int) -> Int { (bytes + 7) / 8 * 8 }
        head = writer.bytes
        days = head.count
        offsets = days + aligned(count * 4)
        heldOut = offsets + aligned((buyers + 1) * 4)
        byteCount = heldOut + aligned(buyers)
    }

    /// A whole request in an array, for small ones and tests.
    package func request(_ columns: RepurchaseColumns) -> [UInt8] {
        var bytes = head
        func pad(to end: Int) { bytes.append(contentsOf: [UInt8](repeating: 0, count: end - bytes.count)) }
        bytes.append(contentsOf: UnsafeRawBufferPointer(columns.days))
        pad(to: offsets)
        bytes.append(contentsOf: UnsafeRawBufferPointer(columns.offsets))
        pad(to: heldOut)
        bytes.append(contentsOf: columns.heldOut)
        pad(to: byteCount)
        return bytes
    }
}
