# layer(NAME [LINKS layer...] [PACKAGES pkg...] [DIRECTORY dir]
#       [ONLY file...] [WITHOUT file...])
#
# One directory under src/ as one static library. Its directory is handed on
# with -iquote to exactly those that link it: our err.h never hides the
# system's <err.h>, and a layer cannot see what it does not link.
find_package(PkgConfig REQUIRED)

function(house_rules target)
    set_target_properties(${target} PROPERTIES C_STANDARD 11
        C_STANDARD_REQUIRED ON C_EXTENSIONS OFF)
    target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic
        -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
        $<$<BOOL:${LUNATRIX_WERROR}>:-Werror>)
    if(LUNATRIX_SANITIZE)
        target_compile_options(${target} PUBLIC -fsanitize=address,undefined
            -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
        target_link_options(${target} PUBLIC -fsanitize=address,undefined)
    endif()
endfunction()

function(layer name)
    cmake_parse_arguments(L "" "DIRECTORY" "LINKS;PACKAGES;ONLY;WITHOUT" ${ARGN})
    if(NOT L_DIRECTORY)
        set(L_DIRECTORY ${name})
    endif()
    set(dir ${CMAKE_CURRENT_SOURCE_DIR}/src/${L_DIRECTORY})
    if(L_ONLY)
        list(TRANSFORM L_ONLY PREPEND ${dir}/ OUTPUT_VARIABLE sources)
    else()
        file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.c)
    endif()
    foreach(file ${L_WITHOUT})
        list(REMOVE_ITEM sources ${dir}/${file})
    endforeach()
    add_library(${name} STATIC ${sources})
    house_rules(${name})
    target_compile_options(${name} PUBLIC "SHELL:-iquote ${dir}")
    target_link_libraries(${name} PUBLIC ${L_LINKS})
    foreach(package ${L_PACKAGES})
        target_link_libraries(${name} PRIVATE PkgConfig::${package})
    endforeach()
endfunction()
