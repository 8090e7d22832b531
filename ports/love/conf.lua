-- No window, no sound, no joystick: LÖVE runs on a machine without a screen.
function love.conf(options)
    for name in pairs(options.modules) do
        options.modules[name] = name == "event" or name == "timer"
    end
end
